// SPDX-License-Identifier: Apache-2.0
//
// Between the wire (proto/antiphon/v1) and the engine's structs. Everything
// from outside is checked here, once; an error names the field and its value.
#ifndef ANTIPHON_INFERENCE_SERVICE_WIRE_H_
#define ANTIPHON_INFERENCE_SERVICE_WIRE_H_

#include "absl/status/statusor.h"
#include "antiphon/v1/accompanist.pb.h"
#include "inference/engine/job.h"

namespace antiphon::inference {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr int kMaxJobNotes = 4096;
inline constexpr int kMaxMessageBytes = 256 << 10;
inline constexpr int kMaxHorizonBars = 16;
inline constexpr int kMaxContextBars = 256;  // and tempo and meter changes

absl::StatusOr<Job> ToJob(const v1::GenerationJob& wire, MonoTime now);

// An empty chunk that names its job.
v1::ServiceMessage ChunkOf(const Job& job);
void AddNote(uint32_t index, const Note& note, v1::BarChunk& chunk);
void SetEnd(const JobEnd& end, MonoTime arrived, MonoTime now,
            v1::BarChunk& chunk);

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_WIRE_H_
