// SPDX-License-Identifier: Apache-2.0
#include "inference/evaluate/window_file.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace antiphon::inference {
namespace {

using ::testing::HasSubstr;

constexpr char kHeader[] =
    "file,task,start_bar,ticks_per_bar,call_start_tick,response_start_tick,"
    "end_tick,notes\n";

std::string Refusal(const std::string& text) {
  return std::string(ParseWindows(text).status().message());
}

TEST(WindowFileTest, ReadsBothTasks) {
  const auto windows = ParseWindows(
      absl::StrCat(kHeader,
                   "a/b.mid,call_response_2_2,2,1440,2880,5760,8640,7\r\n"
                   "\n"
                   "c.mid,continuation_8_8,0,1920,0,15360,30720,1"));
  ASSERT_TRUE(windows.ok()) << windows.status();
  ASSERT_EQ(windows->size(), 2u);
  EXPECT_EQ((*windows)[0].file, "a/b.mid");
  EXPECT_EQ((*windows)[0].bars, 2);
  EXPECT_EQ((*windows)[0].bar_length, Ticks::Of(1440));
  EXPECT_EQ((*windows)[0].answer(), Ticks::Of(5760));
  EXPECT_EQ((*windows)[1].bars, 8);
  EXPECT_EQ((*windows)[1].end(), Ticks::Of(30720));
}

TEST(WindowFileTest, ColumnsMayStandInAnyOrder) {
  const auto windows = ParseWindows(
      "end_tick,response_start_tick,call_start_tick,ticks_per_bar,task,file\n"
      "1920,960,0,480,call_response_2_2,x.mid\n");
  ASSERT_TRUE(windows.ok()) << windows.status();
  EXPECT_EQ((*windows)[0].bar_length, Ticks::Of(480));
}

TEST(WindowFileTest, WhatIsNoWindowIsNamedWithItsLine) {
  EXPECT_THAT(Refusal(""), HasSubstr("line 1: no column named file"));
  EXPECT_THAT(Refusal("file,task\n"),
              HasSubstr("no column named ticks_per_bar"));
  EXPECT_THAT(Refusal(kHeader), HasSubstr("holds no window"));
  const auto with = [](const std::string& line) {
    return Refusal(absl::StrCat(kHeader, line));
  };
  EXPECT_THAT(with("a.mid,call_response_2_2,2"), HasSubstr("line 2: 3 values"));
  EXPECT_THAT(with(",call_response_2_2,0,480,0,960,1920,1"),
              HasSubstr("file is empty"));
  EXPECT_THAT(with("a.mid,dance,0,480,0,960,1920,1"), HasSubstr("'dance'"));
  EXPECT_THAT(with("a.mid,call_response_2_2,0,480,-1,960,1920,1"),
              HasSubstr("call_start_tick is '-1'"));
  EXPECT_THAT(with("a.mid,call_response_2_2,0,x,0,200,400,1"),
              HasSubstr("ticks_per_bar is 'x'"));
  EXPECT_THAT(with("a.mid,call_response_2_2,0,0,0,0,0,1"),
              HasSubstr("ticks_per_bar is 0, which no meter has"));
  EXPECT_THAT(with("a.mid,call_response_2_2,0,480,0,960,1921,1"),
              HasSubstr("2 bars of ticks_per_bar apart"));
  EXPECT_THAT(with("a.mid,continuation_8_8,0,480,0,960,1920,1"),
              HasSubstr("8 bars of ticks_per_bar apart"));
}

TEST(WindowFileTest, ABarLengthTellsAMeter) {
  EXPECT_EQ(MeterOf(Ticks::Of(1920)), (Meter{4, 4}));
  EXPECT_EQ(MeterOf(Ticks::Of(1200)), (Meter{5, 8}));
  EXPECT_EQ(MeterOf(Ticks::Of(60)), (Meter{1, 32}));
  EXPECT_EQ(MeterOf(Ticks::Of(5760)), (Meter{12, 4}));
  EXPECT_EQ(MeterOf(Ticks::Of(100)), std::nullopt);
  EXPECT_EQ(MeterOf(Ticks::Of(65 * 480)), std::nullopt);
  EXPECT_EQ(MeterOf(Ticks()), std::nullopt);
}

TEST(WindowFileTest, ALimitTakesWindowsFromEverywhere) {
  std::vector<Window> windows;
  for (int i = 0; i < 10; ++i) {
    windows.push_back({absl::StrCat(i), i == 3 ? 8 : 2, Ticks::Of(1920), {}});
  }
  EXPECT_EQ(SpreadWindows(windows, 2, 0).size(), 9u);
  EXPECT_EQ(SpreadWindows(windows, 8, 5).size(), 1u);
  const auto spread = SpreadWindows(windows, 2, 3);
  ASSERT_EQ(spread.size(), 3u);
  EXPECT_EQ(spread[0].file, "0");
  EXPECT_EQ(spread[1].file, "4");
  EXPECT_EQ(spread[2].file, "7");
}

}  // namespace
}  // namespace antiphon::inference
