// SPDX-License-Identifier: Apache-2.0
#include "tests/giant_checkpoint.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace antiphon::testing {
namespace {

constexpr int64_t kWidth = 131072;
constexpr int64_t kRows = 2675;  // of demo26
constexpr int kLayers = 4;

// Tensors one behind the other.
class Header {
 public:
  void Add(const std::string& name, int64_t rows, int64_t columns) {
    nlohmann::json shape = {rows};
    if (columns > 0) shape.push_back(columns);
    const int64_t end = end_ + 4 * rows * (columns > 0 ? columns : 1);
    json_[name] = {
        {"dtype", "F32"}, {"shape", shape}, {"data_offsets", {end_, end}}};
    end_ = end;
  }
  std::string text() const { return json_.dump(); }
  int64_t data_bytes() const { return end_; }

 private:
  nlohmann::json json_;
  int64_t end_ = 0;
};

Header GiantHeader() {
  Header header;
  header.Add("model.tok_embeddings.weight", kRows, kWidth);
  for (int i = 0; i < kLayers; ++i) {
    const std::string layer = absl::StrCat("model.encode_layers.", i, ".");
    for (const char* norm : {"norm1", "norm2"}) {
      header.Add(layer + norm + ".weight", kWidth, 0);
      header.Add(layer + norm + ".bias", kWidth, 0);
    }
    header.Add(layer + "mixed_qkv.weight", 3 * kWidth, kWidth);
    header.Add(layer + "att_proj_linear.weight", kWidth, kWidth);
    header.Add(layer + "ff_gate_proj.weight", 4 * kWidth, kWidth);
    header.Add(layer + "ff_up_proj.weight", 4 * kWidth, kWidth);
    header.Add(layer + "ff_down_proj.weight", kWidth, 4 * kWidth);
  }
  header.Add("model.out_layer_norm.weight", kWidth, 0);
  header.Add("model.out_layer_norm.bias", kWidth, 0);
  header.Add("lm_head.weight", kRows, kWidth);
  return header;
}

}  // namespace

void WriteGiantCheckpoint(const std::string& path) {
  const Header header = GiantHeader();
  const std::string text = header.text();
  const uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  file.close();
  const uint64_t whole =
      sizeof length + length + static_cast<uint64_t>(header.data_bytes());
  std::error_code error;
  std::filesystem::resize_file(path, whole, error);
  ASSERT_FALSE(error) << path << ": " << error.message();
}

}  // namespace antiphon::testing
