// SPDX-License-Identifier: Apache-2.0
#include "edge/port/port_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace antiphon::edge {
namespace {

using ::testing::HasSubstr;
using Names = std::vector<std::string>;

absl::StatusOr<size_t> Match(std::string_view wanted, const Names& names) {
  return MatchPortName("MIDI input", wanted, names);
}

TEST(PortName, ExactNameWinsOverEverythingElse) {
  EXPECT_EQ(Match("Piano", {"Piano 2", "Piano", "Piano Left"}).value(), 1u);
  EXPECT_EQ(Match("Port 2", {"Port 1", "Port 2"}).value(), 1u);
}

TEST(PortName, TrailingNumberIsIgnored) {
  EXPECT_EQ(Match("loopMIDI Port 1", {"Other", "loopMIDI Port 4"}).value(), 1u);
  EXPECT_EQ(
      Match("Keys:Keys", {"Keys:Keys 128:0", "Keys:Keys B 128:1"}).value(), 0u);
  EXPECT_EQ(Match("Keys 20:0", {"Keys 24:0"}).value(), 0u);
}

TEST(PortName, NumberThatIsPartOfAWordIsNotTrailing) {
  EXPECT_FALSE(Match("system:capture_1", {"system:capture_2"}).ok());
  EXPECT_FALSE(Match("TR-8", {"TR-9"}).ok());
}

TEST(PortName, UniquePrefix) {
  EXPECT_EQ(Match("Abl", {"Bitwig", "Ableton Live:out"}).value(), 1u);
  EXPECT_FALSE(Match("abl", {"Ableton Live:out"}).ok()) << "case matters";
  EXPECT_FALSE(Match("Live", {"Ableton Live:out"}).ok()) << "not inside";
}

TEST(PortName, SeveralAreListed) {
  for (const auto& [wanted, names] : std::vector<std::pair<std::string, Names>>{
           {"Keys", {"Keys A", "Keys B", "Drums"}},    // prefix
           {"Keys 7", {"Keys 1", "Keys 2", "Drums"}},  // number
           {"Keys", {"Keys", "Keys", "Drums"}},        // exact
           {"Keys", {"Keys 1", "Keys 2", "Keys A"}}}) {
    const absl::Status status = Match(wanted, names).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("\"" + wanted + "\""));
    EXPECT_THAT(status.message(),
                HasSubstr("\"" + names[0] + "\", \"" + names[1] + "\";"));
  }
}

TEST(PortName, NoneListsWhatThereIs) {
  const absl::Status status = Match("Oboe", {"Keys", "Drums"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("MIDI input \"Oboe\" not found"));
  EXPECT_THAT(status.message(), HasSubstr("\"Keys\", \"Drums\""));
  EXPECT_THAT(Match("Oboe", {}).status().message(),
              HasSubstr("there are none"));
  EXPECT_FALSE(Match("", {"Keys"}).ok());
}

}  // namespace
}  // namespace antiphon::edge
