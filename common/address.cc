// SPDX-License-Identifier: Apache-2.0
#include "common/address.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

constexpr int kMaxPort = 65535;

}  // namespace

bool Address::IsLoopback() const {
  if (host == "localhost" || host == "[::1]") return true;
  // A name such as 127.example.org is none.
  return absl::StartsWith(host, "127.") &&
         host.find_first_not_of("0123456789.") == std::string::npos;
}

absl::StatusOr<Address> ParseAddress(const std::string& flag,
                                     const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::string host = text.substr(0, colon);
  const bool bare_v6 = host.find(':') != std::string::npos &&
                       (host.front() != '[' || host.back() != ']');
  Address address{.host = host};
  if (colon == std::string::npos || host.empty() || bare_v6 ||
      host.find_first_of(" \t/,") != std::string::npos ||
      text.find_first_not_of("0123456789", colon + 1) != std::string::npos ||
      !absl::SimpleAtoi(text.substr(colon + 1), &address.port) ||
      address.port > kMaxPort) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, "=", text,
                     " is not HOST:PORT with a port of 0 to 65535, such as "
                     "127.0.0.1:50051"));
  }
  return address;
}

}  // namespace antiphon
