// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, EverySeriesIsThereAtZero) {
  Metrics metrics;
  Counter* answer =
      metrics.AddCounter("bars_total", "Bars", {{"outcome", "answer"}});
  metrics.AddCounter("bars_total", "Bars", {{"outcome", "rest"}});
  answer->Increment();
  answer->RaiseTo(5);
  answer->RaiseTo(3);
  metrics.AddGauge("tempo", "Tempo")->Set(120);
  metrics.AddHistogram("slack_seconds", "Slack", {-1, 0, 1})->Observe(0.5);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("bars_total{outcome=\"answer\"} 5"));
  EXPECT_THAT(text, HasSubstr("bars_total{outcome=\"rest\"} 0"));
  EXPECT_THAT(text, HasSubstr("tempo 120"));
  EXPECT_THAT(text, HasSubstr("slack_seconds_bucket{le=\"1\"} 1"));
}

TEST(Exporter, AnAddressInUseIsAnErrorThatNamesIt) {
  Metrics metrics;
  auto first = Exporter::Create("127.0.0.1:0", &metrics);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = absl::StrCat("127.0.0.1:", (*first)->port());
  EXPECT_THAT(Exporter::Create(address, &metrics).status().message(),
              HasSubstr(address));
}

}  // namespace
}  // namespace antiphon
