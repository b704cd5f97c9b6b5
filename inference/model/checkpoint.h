// SPDX-License-Identifier: Apache-2.0
//
// A checkpoint of the Aria architecture on disk: weights (safetensors, mapped),
// card, sizes, every tensor's name and shape checked. Nothing is loaded,
// nothing assumed: a missing, unknown or misshapen tensor, an integer type, or
// a card that contradicts the tensors is an error that names it. Needs no
// libtorch. Immutable after Open; any thread.
#ifndef ANTIPHON_INFERENCE_MODEL_CHECKPOINT_H_
#define ANTIPHON_INFERENCE_MODEL_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/model/mapped_file.h"
#include "inference/model/model_card.h"
#include "inference/model/safetensors.h"

namespace antiphon::inference {

// What a training goes on from, beside the model that it makes; none itself.
inline constexpr char kTrainingState[] = "training.safetensors";
// Of a model that nothing says otherwise of.
inline constexpr int kDefaultMaxPosition = 8192;
inline constexpr int kDefaultHeadWidth = 64;

struct ModelShape {
  int d_model = 0;
  int heads = 0;
  int layers = 0;
  int d_ff = 0;
  int vocabulary_rows = 0;
  int max_position = kDefaultMaxPosition;
  int adapter_width = 0;  // of embedding_adapter.weight; 0 = there is none

  int head_width() const { return d_model / heads; }
  // Positions in front of every piece. One where the model was trained with a
  // conditioning vector there: the demo of 2026, which has 2675 rows and an
  // adapter. Other models with an adapter were trained without as well.
  int lead() const;
  int64_t parameters() const;
};

struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;
};

// Every tensor of a checkpoint, in the order of the forward pass.
std::vector<TensorSpec> TensorsOf(const ModelShape& shape);

class Checkpoint {
 public:
  // `path`: a safetensors file, or a folder with model.safetensors or with
  // exactly one *.safetensors. Errors: NotFound, FailedPrecondition,
  // InvalidArgument, all naming the path.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(
      const std::string& path);

  // The tensor must be one of TensorsOf(shape()).
  const StoredTensor& Tensor(std::string_view name) const;

  // Gives back the memory that reading took: whoever copies a model's weights
  // one by one then holds them once, not twice. Reading again is fine.
  void Release() const { mapping_->Release(); }

  // Reads every weight. InvalidArgument naming the first tensor with a NaN or
  // an infinity.
  absl::Status CheckFinite() const;
  // Reads the whole file. Lower-case hexadecimal.
  std::string Sha256() const;

  const std::string& path() const { return path_; }  // of the weights
  // The card's, else that of the file or its folder.
  std::string name() const;
  const ModelCard& card() const { return card_; }
  const ModelShape& shape() const { return shape_; }
  // Tokens that may be named: as many as rows, but where there is a row map.
  int ids() const {
    return card_.row_map ? card_.MappedIds() : shape_.vocabulary_rows;
  }
  const std::vector<StoredTensor>& tensors() const { return file_.tensors; }
  size_t file_bytes() const { return mapping_->bytes().size(); }
  // "F32", or "BF16+F32" where several are used.
  std::string StoredTypes() const;

 private:
  Checkpoint() = default;
  absl::Status Load();
  absl::Status StripCompilePrefix();
  absl::Status ReadSizes();
  absl::Status CheckTensors() const;
  absl::Status CheckRows() const;

  std::string path_;
  std::unique_ptr<MappedFile> mapping_;
  Safetensors file_;
  ModelCard card_;
  ModelShape shape_;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_MODEL_CHECKPOINT_H_
