// SPDX-License-Identifier: Apache-2.0
#include "inference/model/safetensors_writer.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "inference/model/sha256.h"
#include "nlohmann/json.hpp"

namespace antiphon::inference {
namespace {

std::string Header(const std::vector<TensorPlan>& tensors) {
  nlohmann::ordered_json json;
  json["__metadata__"] = {{"format", "pt"}};
  int64_t begin = 0;
  for (const TensorPlan& tensor : tensors) {
    const int64_t end = begin + tensor.bytes();
    json[tensor.name] = {{"dtype", tensor.type},
                         {"shape", tensor.shape},
                         {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = json.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string header;
  for (int i = 0; i < 8; ++i) {
    header.push_back(static_cast<char>(text.size() >> (8 * i) & 0xff));
  }
  return header + text;
}

}  // namespace

int64_t TensorPlan::bytes() const {
  int64_t bytes = type == "F32" ? 4 : 2;
  for (const int64_t size : shape) bytes *= size;
  return bytes;
}

struct SafetensorsWriter::File {
  std::ofstream stream;
  Sha256 hash;
};

SafetensorsWriter::SafetensorsWriter(std::string path,
                                     const std::vector<TensorPlan>& tensors)
    : path_(std::move(path)), file_(std::make_unique<File>()) {
  file_->stream.open(path_ + ".part", std::ios::binary);
  const std::string header = Header(tensors);
  Write({reinterpret_cast<const uint8_t*>(header.data()), header.size()});
}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::Write(absl::Span<const uint8_t> bytes) {
  file_->stream.write(reinterpret_cast<const char*>(bytes.data()),
                      static_cast<std::streamsize>(bytes.size()));
  file_->hash.Add(bytes);
}

absl::StatusOr<std::string> SafetensorsWriter::Finish() {
  file_->stream.close();
  std::error_code error;
  if (file_->stream.good()) {
    std::filesystem::rename(path_ + ".part", path_, error);
    if (!error) return file_->hash.Finish();
  }
  std::filesystem::remove(path_ + ".part", error);
  return absl::FailedPreconditionError(
      absl::StrCat("cannot write '", path_,
                   "'; choose a folder with room and permission by --out"));
}

}  // namespace antiphon::inference
