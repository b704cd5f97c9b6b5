// SPDX-License-Identifier: Apache-2.0
#include "edge/port/port_name.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace antiphon::edge {
namespace {

absl::string_view Absl(std::string_view text) {
  return {text.data(), text.size()};
}

// Without a last word of digits and colons: "Port 2", "Client:Port 128:0".
std::string_view WithoutNumber(std::string_view name) {
  const size_t space = name.find_last_of(' ');
  if (space == std::string_view::npos || space + 1 == name.size()) return name;
  const std::string_view word = name.substr(space + 1);
  if (word.find_first_not_of("0123456789:") != std::string_view::npos) {
    return name;
  }
  return name.substr(0, space);
}

template <typename Rule>
std::vector<size_t> Hits(absl::Span<const std::string> names, Rule rule) {
  std::vector<size_t> hits;
  for (size_t i = 0; i < names.size(); ++i) {
    if (rule(std::string_view(names[i]))) hits.push_back(i);
  }
  return hits;
}

std::string Quoted(absl::Span<const std::string> names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const auto& name) {
    absl::StrAppend(out, "\"", name, "\"");
  });
}

absl::Status None(std::string_view kind, std::string_view wanted,
                  absl::Span<const std::string> available) {
  return absl::NotFoundError(
      absl::StrCat(Absl(kind), " \"", Absl(wanted), "\" not found; ",
                   available.empty() ? "there are none"
                                     : "there are: " + Quoted(available)));
}

absl::Status Several(std::string_view kind, std::string_view wanted,
                     absl::Span<const std::string> available,
                     const std::vector<size_t>& hits) {
  std::vector<std::string> names;
  names.reserve(hits.size());
  for (size_t hit : hits) names.push_back(available[hit]);
  return absl::InvalidArgumentError(absl::StrCat(
      Absl(kind), " \"", Absl(wanted), "\" matches several: ", Quoted(names),
      "; give the full name of one"));
}

}  // namespace

absl::StatusOr<size_t> MatchPortName(std::string_view kind,
                                     std::string_view wanted,
                                     absl::Span<const std::string> available) {
  if (wanted.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        Absl(kind), ": the name is empty; give one of: ", Quoted(available)));
  }
  const std::string_view stem = WithoutNumber(wanted);
  auto hits = Hits(available, [&](std::string_view n) { return n == wanted; });
  if (hits.empty()) {
    hits = Hits(available,
                [&](std::string_view n) { return WithoutNumber(n) == stem; });
  }
  if (hits.empty()) {
    hits = Hits(available,
                [&](std::string_view n) { return n.starts_with(wanted); });
  }
  if (hits.empty()) return None(kind, wanted, available);
  if (hits.size() > 1) return Several(kind, wanted, available, hits);
  return hits.front();
}

}  // namespace antiphon::edge
