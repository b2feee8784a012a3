#include "bee_dance.h"

namespace bee_dance {

// TODO: add your solution here

}  // namespace bee_dance
