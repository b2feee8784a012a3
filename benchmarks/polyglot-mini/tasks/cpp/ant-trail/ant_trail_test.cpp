#include "ant_trail.h"

#include <catch2/catch.hpp>
#include <stdexcept>

TEST_CASE("an ant that stays at home is at home") {
    const std::pair<int, int> nest{0, 0};
    REQUIRE(ant_trail::end("") == nest);
}

#if defined(EXERCISM_RUN_ALL_TESTS)
TEST_CASE("steps add up", "[end]") {
    const std::pair<int, int> expected{3, 4};
    REQUIRE(ant_trail::end("NNEEENN") == expected);
}

TEST_CASE("opposite steps undo each other", "[end]") {
    const auto found = ant_trail::end("NWSWEW");
    CHECK(found.second == 0);
    CHECK(-2 == found.first);
}

TEST_CASE("the way home goes \"along\" first", "[home]") {
    REQUIRE("WWWSSS" == ant_trail::way_home("NNEEEN"));
}

TEST_CASE("the way home from the south west", "[home]") {
    REQUIRE(ant_trail::way_home("SWSSW") ==
            "EE"
            "NNN");
}

TEST_CASE("no way home is needed at home", "[home]") {
    REQUIRE(ant_trail::way_home("NESW").empty());
}

TEST_CASE("the nest counts as visited", "[busiest]") {
    REQUIRE(ant_trail::busiest("EWEW") == 3);
}

TEST_CASE("the busiest square is any square", "[busiest]") {
    REQUIRE(ant_trail::busiest("NEWEWEWWWWW") == 4);
}

TEST_CASE("what is not a step is refused") {
    REQUIRE_NOTHROW(ant_trail::busiest("NEWS"));
    REQUIRE_THROWS_AS(ant_trail::end("NEXT"), std::domain_error);
}
#endif
