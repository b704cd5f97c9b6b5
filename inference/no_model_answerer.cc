// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "inference/model_answerer.h"

namespace antiphon::inference {

absl::StatusOr<LoadedModel> LoadAnswerer(const LoadOptions& options) {
  return absl::FailedPreconditionError(
      absl::StrCat("--model=", options.path,
                   ": this program was built without libtorch and has only the "
                   "mirror"));
}

}  // namespace antiphon::inference
