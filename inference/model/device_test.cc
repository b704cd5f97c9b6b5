// SPDX-License-Identifier: Apache-2.0
#include "inference/model/device.h"

#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace antiphon::inference {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kPlugin =
    std::string(ANTIPHON_BINARY_DIR) + "/bin/libantiphon_cuda.so";

void ExpectUnusable(const std::string& plugin, const std::string& why) {
  const absl::Status status = OpenCuda(plugin);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(StartsWith("--device=cuda: "), HasSubstr(why)));
}

TEST(DeviceTest, NamesAreThoseOfTheFlag) {
  EXPECT_EQ(*NamedDevice("cpu"), Device::kCpu);
  EXPECT_EQ(*NamedDevice("cuda"), Device::kCuda);
  EXPECT_THAT(std::string(NamedDevice("abacus").status().message()),
              HasSubstr("--device=abacus is unknown"));
  EXPECT_TRUE(OpenDevice(Device::kCpu).ok());
}

TEST(DeviceTest, AMissingPluginIsNamed) {
  ExpectUnusable("/absent/plugin.so", "there is no '/absent/plugin.so'");
}

TEST(DeviceTest, WhatIsNoPluginIsNamed) {
  const std::string path = ::testing::TempDir() + "device_test_no_plugin.so";
  std::ofstream(path) << "no library";
  ExpectUnusable(path, path);
}

#if ANTIPHON_HAS_TORCH

// A linker leaves out libraries of which it uses nothing, unless told.
TEST(DeviceTest, ThePluginAsksForTheCudaLibraries) {
  std::ifstream file(kPlugin, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::string name("\0libtorch_cuda.so\0", 18);
  EXPECT_NE(bytes.find(name), std::string::npos);
}

#endif

}  // namespace
}  // namespace antiphon::inference
