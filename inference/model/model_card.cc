// SPDX-License-Identifier: Apache-2.0
#include "inference/model/model_card.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "nlohmann/json.hpp"

namespace antiphon::inference {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxSize = 1 << 20;  // of any dimension
constexpr int kMaxCardDepth = 16;

// Reads members of one object and remembers the first that is wrong.
class Reader {
 public:
  Reader(const Json& object, std::string_view source)
      : object_(object), source_(source) {}

  void Size(const char* key, std::optional<int>& out) {
    Number(key, 1, kMaxSize, out);
  }
  void Number(const char* key, int low, int high, std::optional<int>& out) {
    const Json* value = Find(key);
    if (value == nullptr) return;
    if (!value->is_number_integer() || *value < low || *value > high) {
      return Refuse(key, *value,
                    absl::StrCat("a whole number in ", low, "..", high));
    }
    out = value->get<int>();
  }
  void Fraction(const char* key, double high, std::optional<double>& out) {
    const Json* value = Find(key);
    if (value == nullptr) return;
    if (!value->is_number() || !(*value >= 0.0) || !(*value <= high)) {
      return Refuse(key, *value, absl::StrCat("a number in 0..", high));
    }
    out = value->get<double>();
  }
  void Text(const char* key, std::string& out) {
    const Json* value = Find(key);
    if (value == nullptr) return;
    if (!value->is_string()) return Refuse(key, *value, "a text");
    out = value->get<std::string>();
  }
  // Null where there is none.
  const Json* Object(const char* key) {
    const Json* value = Find(key);
    if (value == nullptr || value->is_object()) return value;
    Refuse(key, *value, "an object");
    return nullptr;
  }
  void Refuse(const char* key, const Json& value, std::string_view wanted) {
    Fail(absl::StrCat("'", key, "' is ",
                      value.dump(-1, ' ', true, Json::error_handler_t::replace),
                      ", must be ", std::string(wanted)));
  }
  void Fail(const std::string& problem) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(std::string(source_), ": ", problem));
  }
  void Take(const Reader& other) {
    if (status_.ok()) status_ = other.status_;
  }

  const absl::Status& status() const { return status_; }

 private:
  const Json* Find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  const Json& object_;
  std::string_view source_;
  absl::Status status_;
};

absl::StatusOr<Json> ParseObject(std::string_view text,
                                 std::string_view source) {
  bool too_deep = false;
  const Json::parser_callback_t guard = [&](int depth, Json::parse_event_t,
                                            Json&) {
    too_deep |= depth > kMaxCardDepth;
    return depth <= kMaxCardDepth;
  };
  Json json = Json::parse(text.begin(), text.end(), guard, false);
  if (!too_deep && json.is_object()) return json;
  return absl::InvalidArgumentError(absl::StrCat(
      std::string(source), ": not a JSON object; repair or remove the file"));
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void ReadSampling(Reader& top, std::string_view source, ModelCard& card) {
  const Json* sampling = top.Object("sampling");
  if (sampling == nullptr) return;
  Reader reader(*sampling, source);
  reader.Fraction("temperature", 2, card.temperature);
  reader.Fraction("top_p", 1, card.top_p);
  reader.Fraction("min_p", 1, card.min_p);
  top.Take(reader);
}

void ReadSizes(Reader& top, std::string_view source, ModelCard& card) {
  const Json* sizes = top.Object("model");
  if (sizes == nullptr) return;
  Reader reader(*sizes, source);
  reader.Size("d_model", card.d_model);
  reader.Size("n_heads", card.heads);
  reader.Size("n_layers", card.layers);
  reader.Size("d_ff", card.d_ff);
  reader.Size("max_seq_len", card.max_position);
  reader.Size("vocabulary_rows", card.vocabulary_rows);
  top.Take(reader);
}

void ReadTime(Reader& reader, ModelCard& card) {
  std::string time_base;
  reader.Text("time_base", time_base);
  if (time_base == "real") {
    card.time_base = TimeBase::kReal;
  } else if (time_base == "bar") {
    card.time_base = TimeBase::kBar;
  } else if (!time_base.empty()) {
    reader.Refuse("time_base", time_base, "\"real\" or \"bar\"");
  }
  reader.Number("segment_ms", kTimeStepMs, kMaxSegmentMs, card.segment_ms);
  if (card.segment_ms && *card.segment_ms % kTimeStepMs != 0) {
    reader.Refuse("segment_ms", *card.segment_ms, "a multiple of 10");
  }
}

void CheckText(Reader& reader, const ModelCard& card) {
  if (!card.sha256.empty() && !IsSha256(card.sha256)) {
    reader.Refuse("sha256", card.sha256, "64 lower-case hexadecimal digits");
  }
  if (!card.vocabulary.empty() && !Vocabulary::FromName(card.vocabulary)) {
    reader.Refuse("vocabulary", card.vocabulary,
                  "\"default\", \"demo25\" or \"demo26\"");
  }
}

void ReadRowMap(const Json& json, Reader& reader, ModelCard& card) {
  const auto found = json.find("row_map");
  if (found == json.end() || found->is_null()) return;
  const auto is_id = [](const Json& value) {
    return value.is_number_integer() && value >= 0 && value <= kMaxSize;
  };
  std::vector<IdBlock> blocks;
  for (const Json& block : found->is_array() ? *found : Json::array()) {
    if (!block.is_array() || block.size() != 2 || !is_id(block[0]) ||
        !is_id(block[1])) {
      return reader.Refuse("row_map", block, "made of pairs [begin, end]");
    }
    blocks.push_back({block[0].get<TokenId>(), block[1].get<TokenId>()});
  }
  card.row_map = RowMap::Of(std::move(blocks));
  if (!card.row_map) {
    reader.Refuse("row_map", *found, "pairs [begin, end], growing and apart");
  }
}

}  // namespace

absl::StatusOr<ModelCard> ParseModelCard(std::string_view text,
                                         std::string_view source) {
  absl::StatusOr<Json> json = ParseObject(text, source);
  if (!json.ok()) return json.status();
  ModelCard card;
  card.source = std::string(source);
  Reader reader(*json, source);
  reader.Text("name", card.name);
  reader.Text("licence", card.licence);
  reader.Text("sha256", card.sha256);
  reader.Text("vocabulary", card.vocabulary);
  CheckText(reader, card);
  ReadSizes(reader, source, card);
  ReadTime(reader, card);
  ReadSampling(reader, source, card);
  ReadRowMap(*json, reader, card);
  if (!reader.status().ok()) return reader.status();
  return card;
}

absl::StatusOr<ModelCard> ParseConfig(std::string_view text,
                                      std::string_view source) {
  absl::StatusOr<Json> json = ParseObject(text, source);
  if (!json.ok()) return json.status();
  const bool hugging_face = json->contains("hidden_size");
  if (!hugging_face && !json->contains("d_model")) return ModelCard{};
  ModelCard card;
  card.source = std::string(source);
  Reader reader(*json, source);
  std::optional<int> ff_mult;
  reader.Size(hugging_face ? "hidden_size" : "d_model", card.d_model);
  reader.Size(hugging_face ? "num_attention_heads" : "n_heads", card.heads);
  reader.Size(hugging_face ? "num_hidden_layers" : "n_layers", card.layers);
  reader.Size("vocab_size", card.vocabulary_rows);
  reader.Size("max_seq_len", card.max_position);
  reader.Size("intermediate_size", card.d_ff);
  reader.Number("ff_mult", 1, 1024, ff_mult);
  if (!reader.status().ok()) return reader.status();
  if (!card.d_ff && ff_mult && card.d_model)
    card.d_ff = *card.d_model * *ff_mult;
  return card;
}

absl::StatusOr<ModelCard> FindModelCard(const std::string& folder) {
  const std::filesystem::path base(folder);
  for (const char* name : {"model.json", "config.json"}) {
    std::error_code error;
    if (!std::filesystem::exists(base / name, error)) continue;
    const std::string source = (base / name).string();
    const absl::StatusOr<std::string> text = ReadFile(source, kMaxCardBytes);
    if (!text.ok()) {
      return absl::Status(text.status().code(),
                          absl::StrCat(source, ": ", text.status().message()));
    }
    return std::string_view(name) == "model.json"
               ? ParseModelCard(*text, source)
               : ParseConfig(*text, source);
  }
  return ModelCard{};
}

std::string SerializeModelCard(const ModelCard& card) {
  Json json;
  const auto put = [](Json& object, const char* key, const auto& value) {
    if (value) object[key] = *value;
  };
  const auto put_text = [&json](const char* key, const std::string& text) {
    if (!text.empty()) json[key] = text;
  };
  put_text("name", card.name);
  put_text("licence", card.licence);
  put_text("sha256", card.sha256);
  put_text("vocabulary", card.vocabulary);
  Json& sizes = json["model"] = Json::object();
  put(sizes, "d_model", card.d_model);
  put(sizes, "n_heads", card.heads);
  put(sizes, "n_layers", card.layers);
  put(sizes, "d_ff", card.d_ff);
  put(sizes, "max_seq_len", card.max_position);
  put(sizes, "vocabulary_rows", card.vocabulary_rows);
  if (card.time_base) {
    json["time_base"] = *card.time_base == TimeBase::kBar ? "bar" : "real";
  }
  put(json, "segment_ms", card.segment_ms);
  Json sampling = Json::object();
  put(sampling, "temperature", card.temperature);
  put(sampling, "top_p", card.top_p);
  put(sampling, "min_p", card.min_p);
  if (!sampling.empty()) json["sampling"] = sampling;
  if (card.row_map) {
    Json& blocks = json["row_map"] = Json::array();
    for (const IdBlock& block : card.row_map->blocks()) {
      blocks.push_back({block.begin, block.end});
    }
  }
  return json.dump(2) + "\n";
}

}  // namespace antiphon::inference
