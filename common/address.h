// SPDX-License-Identifier: Apache-2.0
//
// HOST:PORT as flags give it. gRPC itself takes a missing port as 443 and
// 99999 as 34463; here both are errors that say so.
#ifndef ANTIPHON_COMMON_ADDRESS_H_
#define ANTIPHON_COMMON_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"

namespace antiphon {

struct Address {
  std::string host;  // a name, 127.0.0.1 or [::1]
  int port = 0;      // 0..65535

  // Whether only this machine can reach it: localhost, 127.x.y.z or [::1].
  bool IsLoopback() const;
};

// The error begins with `flag`, for example "--listen".
absl::StatusOr<Address> ParseAddress(const std::string& flag,
                                     const std::string& text);

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_ADDRESS_H_
