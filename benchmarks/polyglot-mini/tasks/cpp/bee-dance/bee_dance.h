#pragma once

namespace bee_dance {

// TODO: add your solution here

}  // namespace bee_dance
