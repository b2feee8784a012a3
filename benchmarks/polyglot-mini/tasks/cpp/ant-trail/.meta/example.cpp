#include "ant_trail.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <stdexcept>

namespace ant_trail {

namespace {

void walk(std::pair<int, int>& square, char step) {
    switch (step) {
        case 'N': ++square.second; break;
        case 'E': ++square.first; break;
        case 'S': --square.second; break;
        case 'W': --square.first; break;
        default: throw std::domain_error(std::string("not a step: ") + step);
    }
}

}  // namespace

std::pair<int, int> end(const std::string& trail) {
    std::pair<int, int> square{0, 0};
    for (char step : trail) walk(square, step);
    return square;
}

std::string way_home(const std::string& trail) {
    const auto [east, north] = end(trail);
    return std::string(std::abs(east), east > 0 ? 'W' : 'E') + std::string(std::abs(north), north > 0 ? 'S' : 'N');
}

int busiest(const std::string& trail) {
    std::pair<int, int> square{0, 0};
    std::map<std::pair<int, int>, int> visits{{square, 1}};
    int most = 1;
    for (char step : trail) {
        walk(square, step);
        most = std::max(most, ++visits[square]);
    }
    return most;
}

}  // namespace ant_trail
