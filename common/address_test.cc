// SPDX-License-Identifier: Apache-2.0
#include "common/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace antiphon {
namespace {

TEST(Address, TakesHostAndPort) {
  EXPECT_EQ(ParseAddress("--listen", "127.0.0.1:50051")->port, 50051);
  EXPECT_EQ(ParseAddress("--listen", "[::1]:0")->host, "[::1]");
  EXPECT_EQ(ParseAddress("--listen", "pit.example.org:65535")->port, 65535);
}

TEST(Address, RefusesWhatGrpcWouldGuessAt) {
  for (const char* text :
       {"", ":1", "127.0.0.1", "127.0.0.1:", "h:65536", "h:-1", "h:1x",
        "::1:50051", "99999", "http://h:1", "h/x:1", "h:1,g:2", "a b:1"}) {
    const auto address = ParseAddress("--listen", text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_THAT(std::string(address.status().message()),
                ::testing::HasSubstr(std::string("--listen=") + text + " "));
  }
}

TEST(Address, OnlyThisMachinesOwnAddressesAreLoopback) {
  const auto loopback = [](const char* text) {
    return ParseAddress("--listen", text)->IsLoopback();
  };
  EXPECT_TRUE(loopback("127.0.0.1:1"));
  EXPECT_TRUE(loopback("127.3.2.1:1"));
  EXPECT_TRUE(loopback("localhost:1"));
  EXPECT_TRUE(loopback("[::1]:1"));
  EXPECT_FALSE(loopback("0.0.0.0:1"));
  EXPECT_FALSE(loopback("[::]:1"));
  EXPECT_FALSE(loopback("127.example.org:1"));
  EXPECT_FALSE(loopback("192.168.0.2:1"));
}

}  // namespace
}  // namespace antiphon
