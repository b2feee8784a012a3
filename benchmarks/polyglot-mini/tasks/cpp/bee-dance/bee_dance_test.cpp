#include "bee_dance.h"

#include <catch2/catch.hpp>
#include <set>
#include <stdexcept>

#include "test/meadow.h"

using Meadow = bee_dance::hive<int>;

static void require_nearest(const Meadow& hive, int bearing) { REQUIRE(hive.nearest() == bearing); }

TEST_CASE("nobody danced in a new hive") {
    REQUIRE(Meadow{}.dances() == 0);
}

#if defined(EXERCISM_RUN_ALL_TESTS)
TEST_CASE("every dance counts") {
    auto hive = after_the_morning<Meadow>();
    REQUIRE(hive.dances() == 3);
    hive.dance(95, 4);
    REQUIRE(hive.dances() == 4);
}

TEST_CASE("a second stands for 400 metres") {
    bee_dance::hive<double> hive;
    hive.dance(0, 1.2);
    REQUIRE_THAT(hive.metres(0), Catch::Matchers::WithinAbs(480.0, 0.001));
}

TEST_CASE("the latest dance holds") {
    Meadow hive;
    hive.dance(7, 2);
    hive.dance(7, 5);
    CHECK(hive.metres(7) == Catch::Approx(2000));
}

TEST_CASE("the nearest flowers are found") {
    require_nearest(after_the_morning<Meadow>(), 95);
}

TEST_CASE("nothing is nearest where nobody danced") {
    Meadow hive;
    REQUIRE_THROWS_AS(hive.nearest(), std::out_of_range);
}

TEST_CASE("flowers within a distance") {
    const auto hive = after_the_morning<Meadow>();
    SECTION("some are within 800 metres") {
        const std::set<int> expected{95, 310};
        REQUIRE(expected == hive.within(800));
    }
    SECTION("none is within 399 metres") {
        REQUIRE(hive.within(399).empty());
    }
}

TEST_CASE("what is no dance is refused") {
    Meadow hive;
    for (int bearing : {-1, 360}) {
        REQUIRE_THROWS_AS(hive.dance(bearing, 1), std::domain_error);
    }
    REQUIRE_THROWS_AS(hive.dance(12, 0), std::domain_error);
    REQUIRE_FALSE(hive.dances() > 0);
}
#endif
