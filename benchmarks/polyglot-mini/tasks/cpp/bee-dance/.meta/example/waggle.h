#pragma once

namespace bee_dance {

template <typename Seconds>
constexpr double metres_of(Seconds waggled) {
    constexpr double metres_per_second = 400.0;
    return static_cast<double>(waggled) * metres_per_second;
}

}  // namespace bee_dance
