// SPDX-License-Identifier: Apache-2.0
//
// What antiphon-edge does instead of playing, for somebody who sets it up or
// looks for what is wrong: lists the ports, shows what arrives, calls the
// doctor. Each prints to standard output; main thread.
#ifndef ANTIPHON_EDGE_ERRANDS_H_
#define ANTIPHON_EDGE_ERRANDS_H_

#include <functional>

#include "absl/status/status.h"
#include "edge/settings.h"

namespace antiphon::edge {

void PrintPorts(const Settings& settings);

// Until `stop` says so.
absl::Status ShowWhatArrives(const Settings& settings,
                             const std::function<bool()>& stop);

// An error when anything is wrong, so that a script notices.
absl::Status CallDoctor(const Settings& settings);

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_ERRANDS_H_
