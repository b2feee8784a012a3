#include "ant_trail.h"

namespace ant_trail {

std::pair<int, int> end(const std::string&) { return {}; }

std::string way_home(const std::string&) { return {}; }

int busiest(const std::string&) { return {}; }

}  // namespace ant_trail
