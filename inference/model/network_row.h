// SPDX-License-Identifier: Apache-2.0
#ifndef ANTIPHON_INFERENCE_MODEL_NETWORK_ROW_H_
#define ANTIPHON_INFERENCE_MODEL_NETWORK_ROW_H_

#include "inference/model/model.h"

namespace antiphon::inference {

// One token of a forward pass and what it sees. Its keys go to the last
// position it sees.
struct NetworkRow {
  SlotId slot = 0;
  TokenId token = 0;
  int trunk_visible = 0;
  int branch_visible = 0;              // 0 = the row belongs to the trunk
  const NextTokens* wanted = nullptr;  // of its logits; null = all

  int position() const { return trunk_visible + branch_visible - 1; }
  bool on_branch() const { return branch_visible > 0; }
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_NETWORK_ROW_H_
