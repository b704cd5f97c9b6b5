// SPDX-License-Identifier: Apache-2.0
#include "inference/tool/token_file.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/file.h"

namespace antiphon::inference {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxTokensFile = size_t{16} << 20;
constexpr int kMaxDepth = 4;  // of the JSON; what nests deeper is left out

bool IsTexts(const Json& list) {
  return list.is_array() && !list.empty() && list.front().is_string();
}

// What is wrong with the list, "" for nothing.
std::string ReadIds(const Json& list, std::vector<TokenId>& ids) {
  for (const Json& id : list) {
    if (!id.is_number_integer() || id < 0 || id > 1 << 30) {
      const std::string what = id.is_number() ? id.dump() : id.type_name();
      return absl::StrCat("holds ", what, " at index ", ids.size(),
                          ", which is no token id");
    }
    ids.push_back(id.get<TokenId>());
  }
  return "";
}

std::string ReadTexts(const Json& list, std::vector<std::string>& texts) {
  for (const Json& text : list) {
    if (!text.is_string()) {
      return absl::StrCat("holds ", text.type_name(), " at index ",
                          texts.size(), " of \"tokens\", which is no text");
    }
    texts.push_back(text.get<std::string>());
  }
  return "";
}

}  // namespace

absl::StatusOr<TokenFile> ReadTokenFile(const std::string& name,
                                        const std::string& path) {
  const auto bad = [&name](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": ", what, "; a file that says {\"tokens\":[6,0,1000]} is due"));
  };
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxTokensFile);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", text.status().message()));
  }
  const auto shallow = [](int depth, Json::parse_event_t, Json&) {
    return depth <= kMaxDepth;
  };
  const Json json = Json::parse(*text, shallow, false);
  if (!json.is_object()) return bad("is no JSON object");
  const Json tokens = json.value("tokens", Json());
  const bool has_texts = IsTexts(tokens);
  const Json ids =
      json.contains("ids") || has_texts ? json.value("ids", Json()) : tokens;
  if (!has_texts && (!ids.is_array() || ids.empty())) {
    return bad("has no list of token ids");
  }
  TokenFile file;
  std::string wrong = has_texts ? ReadTexts(tokens, file.texts) : "";
  if (wrong.empty() && ids.is_array()) wrong = ReadIds(ids, file.ids);
  if (!wrong.empty()) return bad(wrong);
  if (has_texts && !file.ids.empty() && file.ids.size() != file.texts.size()) {
    return bad(absl::StrCat("has ", file.texts.size(), " tokens but ",
                            file.ids.size(), " ids"));
  }
  return file;
}

}  // namespace antiphon::inference
