// SPDX-License-Identifier: Apache-2.0
//
// For tests: the golden vectors under tests/golden, made with the reference's
// own code. Throws where a file is missing or is not JSON, which fails the
// test.
#ifndef ANTIPHON_INFERENCE_ARIA_GOLDEN_H_
#define ANTIPHON_INFERENCE_ARIA_GOLDEN_H_

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace antiphon::inference {

inline std::string GoldenPath(const std::string& name) {
  return std::string(ANTIPHON_SOURCE_DIR) + "/tests/golden/" + name;
}

inline nlohmann::json ReadGolden(const std::string& name) {
  std::ifstream file(GoldenPath(name));
  return nlohmann::json::parse(file);
}

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_GOLDEN_H_
