// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace antiphon {
namespace {

using ::testing::MatchesRegex;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

TEST(Log, ALineHasTimeLevelAndMessage) {
  CaptureStderr();
  LogWarning("job.done job_id=", 7, " slack=", 1.5, " ", std::string("ok"));
  EXPECT_THAT(GetCapturedStderr(),
              MatchesRegex("....-..-..T..:..:..\\....Z WARN job.done job_id=7 "
                           "slack=1.5 ok\n"));
}

TEST(Log, ALongMessageIsCutAndItsLineEnds) {
  CaptureStderr();
  LogInfo(std::string(5000, 'x'), "y");
  const std::string line = GetCapturedStderr();
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.size(), 30 + kMaxLogLine + 1);
  EXPECT_EQ(line.find('y'), std::string::npos);
}

TEST(Log, BufferedLinesWaitForTheFlush) {
  CaptureStderr();
  LogBuffer buffer;
  LogInfo("first");
  EXPECT_EQ(GetCapturedStderr(), "");
  CaptureStderr();
  buffer.Flush();
  EXPECT_THAT(GetCapturedStderr(), MatchesRegex(".* INFO first\n"));
}

TEST(Log, AFullBufferLosesNothing) {
  CaptureStderr();
  {
    LogBuffer buffer;
    for (size_t i = 0; i < 3 * LogBuffer::kCapacity / 1000; ++i) {
      LogInfo(std::string(1000, 'x'));
    }
  }
  EXPECT_EQ(GetCapturedStderr().size(),
            3 * LogBuffer::kCapacity / 1000 * (30 + 1000 + 1));
}

}  // namespace
}  // namespace antiphon
