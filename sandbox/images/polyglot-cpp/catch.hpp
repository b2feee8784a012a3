// Installed as <catch2/catch.hpp>, the name that tests know from Catch2 v2 and that v3 does not have: as much of v3 as
// that header held, without the rest of <catch2/catch_all.hpp>, which takes as long again to compile.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
