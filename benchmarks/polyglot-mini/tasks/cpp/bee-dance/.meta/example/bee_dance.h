#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <stdexcept>

#include "waggle.h"

namespace bee_dance {

template <typename Seconds>
class hive {
   public:
    void dance(int bearing, Seconds waggled) {
        if (bearing < 0 || bearing > 359 || waggled <= Seconds{}) throw std::domain_error("not a dance");
        flowers_[bearing] = metres_of(waggled);
        ++dances_;
    }

    std::size_t dances() const { return dances_; }

    double metres(int bearing) const { return flowers_.at(bearing); }

    int nearest() const {
        if (flowers_.empty()) throw std::out_of_range("nobody danced");
        const auto nearer = [](const auto& one, const auto& other) { return one.second < other.second; };
        return std::min_element(flowers_.begin(), flowers_.end(), nearer)->first;
    }

    std::set<int> within(double metres) const {
        std::set<int> found;
        for (const auto& [bearing, distance] : flowers_) {
            if (distance <= metres) found.insert(bearing);
        }
        return found;
    }

   private:
    std::map<int, double> flowers_;
    std::size_t dances_ = 0;
};

}  // namespace bee_dance
