#pragma once

#include <string>
#include <utility>

namespace ant_trail {

std::pair<int, int> end(const std::string& trail);
std::string way_home(const std::string& trail);
int busiest(const std::string& trail);

}  // namespace ant_trail
