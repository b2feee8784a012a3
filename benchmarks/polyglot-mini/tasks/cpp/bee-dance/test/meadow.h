// A meadow that several tests look at.
#pragma once

template <typename Hive>
Hive after_the_morning() {
    Hive hive;
    hive.dance(140, 3);
    hive.dance(95, 1);
    hive.dance(310, 2);
    return hive;
}
