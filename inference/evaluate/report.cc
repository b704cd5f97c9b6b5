// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace antiphon::inference {
namespace {

using Json = nlohmann::ordered_json;

// As many as make sense of answers that short.
constexpr int kShortMetrics = kExactCopy + 1;

std::string LikelihoodTable(const Likelihood& found) {
  std::string text = absl::StrFormat(
      "**%.2f nats per note**, %.3f per token (%d excerpts of at most %d "
      "tokens, %d notes)\n\n| source | nats per note | notes "
      "|\n|---|---|---|\n",
      found.all.PerNote(), found.all.PerToken(), found.texts, kExcerptTokens,
      found.all.notes);
  for (const auto& [source, tally] : found.by_source) {
    absl::StrAppendFormat(&text, "| %s | %.2f | %d |\n", source,
                          tally.PerNote(), tally.notes);
  }
  text += "\n| token class | nats per token | tokens |\n|---|---|---|\n";
  for (const auto& [name, tally] : found.by_class) {
    absl::StrAppendFormat(&text, "| %s | %.3f | %d |\n", name, tally.PerToken(),
                          tally.tokens);
  }
  return text + "\n";
}

// Each value with its distance to the first row's.
std::string RowTable(const std::vector<Row>& rows, int metrics) {
  std::string text = "| |";
  for (int m = 0; m < metrics; ++m) {
    absl::StrAppend(&text, " ", std::string(NameOf(static_cast<Metric>(m))),
                    " |");
  }
  text += "\n|---|";
  for (int m = 0; m < metrics; ++m) text += "---|";
  text += "\n";
  for (const Row& row : rows) {
    absl::StrAppend(&text, "| ", row.label, " |");
    for (int m = 0; m < metrics; ++m) {
      const auto i = static_cast<size_t>(m);
      absl::StrAppendFormat(&text, " %.3f", row.mean[i]);
      if (&row != &rows.front()) {
        absl::StrAppendFormat(&text, " (%+.3f)",
                              row.mean[i] - rows.front().mean[i]);
      }
      text += " |";
    }
    text += "\n";
  }
  return text + "\n";
}

Json RowsOf(const std::vector<Row>& rows, int metrics) {
  Json json = Json::object();
  for (const Row& row : rows) {
    Json& values = json[row.name];
    for (int m = 0; m < metrics; ++m) {
      values[std::string(NameOf(static_cast<Metric>(m)))] =
          row.mean[static_cast<size_t>(m)];
    }
    values["answers"] = row.answers;
  }
  return json;
}

Json OrNull(const std::optional<Likelihood>& found) {
  return found ? Json(found->all.PerNote()) : Json();
}

}  // namespace

std::string MarkdownOf(const Report& report) {
  std::string text;
  if (report.likelihood) {
    absl::StrAppend(&text, "Model: ", report.model, "\n\n",
                    LikelihoodTable(*report.likelihood));
  }
  if (report.pairing && report.pairing->pairs > 0) {
    absl::StrAppendFormat(
        &text,
        "Pairing: of %d answers, **%.3f** are likelier after their own call "
        "than after another piece's\n\n",
        report.pairing->pairs, report.pairing->Share());
  }
  if (report.four_gram) {
    absl::StrAppendFormat(&text,
                          "4-gram (time base bar): %.2f nats per "
                          "note\n\n",
                          report.four_gram->all.PerNote());
  }
  if (!report.rows.empty()) {
    absl::StrAppend(&text, "2 + 2 bars, ", report.windows,
                    " windows; in brackets the distance to the human row\n\n",
                    RowTable(report.rows, kShortMetrics));
  }
  if (!report.long_rows.empty()) {
    absl::StrAppend(&text, "8 + 8 bars, ", report.long_windows, " windows\n\n",
                    RowTable(report.long_rows, kMetrics));
  }
  for (const std::string& remark : report.remarks) {
    absl::StrAppend(&text, "- ", remark, "\n");
  }
  return text;
}

std::string JsonOf(const Report& report) {
  Json json;
  json["model"] = report.model.empty() ? Json() : Json(report.model);
  json["nats_per_note"] = OrNull(report.likelihood);
  json["by_source"] = json["by_class"] = Json();
  if (report.likelihood) {
    for (const auto& [source, tally] : report.likelihood->by_source) {
      json["by_source"][source] = tally.PerNote();
    }
    for (const auto& [name, tally] : report.likelihood->by_class) {
      json["by_class"][name] = tally.PerToken();
    }
  }
  const bool paired = report.pairing && report.pairing->pairs > 0;
  json["pairing"] = paired ? Json(report.pairing->Share()) : Json();
  json["pairs"] = report.pairing ? report.pairing->pairs : 0;
  json["four_gram_nats_per_note"] = OrNull(report.four_gram);
  json["windows"] = report.windows;
  json["rows"] = RowsOf(report.rows, kShortMetrics);
  json["windows_8_8"] = report.long_windows;
  json["rows_8_8"] = RowsOf(report.long_rows, kMetrics);
  json["remarks"] = report.remarks;
  return json.dump();
}

}  // namespace antiphon::inference
