// SPDX-License-Identifier: Apache-2.0
#include "inference/engine/job.h"

namespace antiphon::inference {

const char* ToString(EndReason reason) {
  switch (reason) {
    case EndReason::kComplete:
      return "complete";
    case EndReason::kEmpty:
      return "empty";
    case EndReason::kShortened:
      return "shortened";
    case EndReason::kCancelled:
      return "cancelled";
    case EndReason::kInvalid:
      return "invalid";
  }
  return "?";
}

}  // namespace antiphon::inference
