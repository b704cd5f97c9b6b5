// SPDX-License-Identifier: Apache-2.0
#include "common/config_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;

absl::Status Bad(const std::string& where, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(path, unknown)) {
    return Bad(path, "is no file; give the name of a TOML file");
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.is_open()) {
    return Bad(path, "cannot be read; check its permissions");
  }
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() <= kMaxBytes) return text;
  return Bad(path, "is larger than 1 MiB, which no file of settings is");
}

// The shortest text that reads back as the same number.
std::string ToText(double value) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value);
  return std::string(text, end.ptr);
}

absl::StatusOr<Setting> ToSetting(const std::string& path, std::string name,
                                  const toml::node& node) {
  Setting setting{
      .kind = {}, .name = std::move(name), .value = {}, .words = {}};
  if (const auto* text = node.as_string()) {
    setting.kind = Setting::Kind::kText;
    setting.value = text->get();
  } else if (const auto* whole = node.as_integer()) {
    setting.kind = Setting::Kind::kWhole;
    setting.value = absl::StrCat(whole->get());
  } else if (const auto* number = node.as_floating_point()) {
    setting.kind = Setting::Kind::kNumber;
    setting.value = ToText(number->get());
  } else if (const auto* truth = node.as_boolean()) {
    setting.kind = Setting::Kind::kTruth;
    setting.value = truth->get() ? "true" : "false";
  }
  const bool text = setting.kind == Setting::Kind::kText;
  setting.words =
      absl::StrCat(path, ":", node.source().begin.line, ": ", setting.name);
  if (text && !node.is_string()) {
    return Bad(setting.words,
               "holds a table, a list or a date; a setting is one text, number "
               "or truth value");
  }
  const char* quote = text ? "\"" : "";
  absl::StrAppend(&setting.words, " = ", quote, setting.value, quote);
  return setting;
}

}  // namespace

absl::StatusOr<std::vector<Setting>> ReadConfigFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadText(path);
  if (!text.ok()) return text.status();
  toml::table table;
  try {
    table = toml::parse(std::string_view(*text), path);
  } catch (const toml::parse_error& error) {
    return Bad(absl::StrCat(path, ":", error.source().begin.line),
               std::string(error.description()));
  }
  std::vector<std::pair<uint32_t, Setting>> by_line;
  for (const auto& [key, node] : table) {
    auto setting = ToSetting(path, std::string(key.str()), node);
    if (!setting.ok()) return setting.status();
    by_line.emplace_back(node.source().begin.line, *std::move(setting));
  }
  std::stable_sort(
      by_line.begin(), by_line.end(),
      [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Setting> settings;
  for (auto& [line, setting] : by_line) settings.push_back(std::move(setting));
  return settings;
}

}  // namespace antiphon
