// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/jack_musician.h"

#include <jack/midiport.h>
#include <jack/transport.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "tests/integration/jack_connect.h"

namespace antiphon::testing {
namespace {

constexpr uint8_t kClock = 0xF8;
constexpr uint8_t kNoteOff = 0x80;
constexpr uint8_t kNoteOn = 0x90;
constexpr uint8_t kVelocity = 80;
constexpr size_t kMaxStrokes = 64;
// Without a pulse.
const absl::Duration kPatience = absl::Milliseconds(400);

jack_port_t* Register(jack_client_t* client, const char* name,
                      JackPortFlags flag) {
  return jack_port_register(client, name, JACK_DEFAULT_MIDI_TYPE, flag, 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<JackMusician>> JackMusician::Create(
    const std::string& name) {
  jack_client_t* client =
      jack_client_open(name.c_str(), JackNoStartServer, nullptr);
  if (client == nullptr) {
    return absl::UnavailableError(absl::StrCat("JACK client ", name));
  }
  auto musician = std::unique_ptr<JackMusician>(new JackMusician(client));
  if (musician->clock_port_ == nullptr || musician->note_port_ == nullptr ||
      jack_activate(client) != 0) {
    return absl::UnavailableError(absl::StrCat("JACK ports of ", name));
  }
  return musician;
}

JackMusician::JackMusician(jack_client_t* client)
    : client_(client),
      clock_port_(Register(client, "clock", JackPortIsInput)),
      note_port_(Register(client, "notes", JackPortIsOutput)),
      clock_(client) {
  due_.reserve(kMaxStrokes);
  strokes_.reserve(kMaxStrokes);
  keys_down_.reserve(kMaxStrokes);
  jack_set_process_callback(client_, &JackMusician::OnPeriod, this);
}

JackMusician::~JackMusician() { jack_client_close(client_); }

absl::Status JackMusician::Hear(const std::string& clock) {
  return ConnectJackPorts(client_, clock, jack_port_name(clock_port_));
}

absl::Status JackMusician::PlayTo(const std::string& input) {
  return ConnectJackPorts(client_, jack_port_name(note_port_), input);
}

int JackMusician::OnPeriod(jack_nframes_t frames, void* self) {
  auto* musician = static_cast<JackMusician*>(self);
  const JackClock::Period period = musician->clock_.Present();
  const absl::Duration late = period.TimeOf(0) - musician->period_end_;
  if (late > LeastStall()) musician->stalls_.Push({period.TimeOf(0), late});
  musician->period_end_ = period.TimeOf(frames);
  jack_position_t position;
  const bool rolling = jack_transport_query(musician->client_, &position) ==
                       JackTransportRolling;
  musician->transport_frame_ = rolling ? position.frame : -1.0;
  if (musician->running_ &&
      period.TimeOf(0) - musician->last_pulse_ > kPatience) {
    musician->LetGo(0);
  }
  musician->PlayDue(frames, period);
  void* heard = jack_port_get_buffer(musician->clock_port_, frames);
  const uint32_t events = jack_midi_get_event_count(heard);
  if (musician->pulsed_ && events == 0) {
    const pid_t master = musician->to_freeze_.exchange(0);
    if (master > 0) kill(master, SIGSTOP);
  }
  musician->pulsed_ = events > 0;
  for (uint32_t i = 0; i < events; ++i) {
    jack_midi_event_t event;
    if (jack_midi_event_get(&event, heard, i) != 0) continue;
    // One event may hold several messages.
    for (size_t j = 0; j < event.size; ++j) {
      musician->OnByte(event.buffer[j], event.time, period);
    }
  }
  return 0;
}

// What the last period called for, each at its frame.
void JackMusician::PlayDue(jack_nframes_t frames,
                           const JackClock::Period& period) {
  void* played = jack_port_get_buffer(note_port_, frames);
  jack_midi_clear_buffer(played);
  strokes_.swap(due_);
  due_.clear();
  for (Stroke& stroke : strokes_) {
    const int pitch =
        PitchOf(stroke.onset.song / kPulsesPerBar, stroke.onset.note);
    const uint8_t bytes[3] = {stroke.is_on ? kNoteOn : kNoteOff,
                              static_cast<uint8_t>(pitch), kVelocity};
    if (jack_midi_event_write(played, stroke.frame, bytes, sizeof(bytes)) !=
            0 ||
        !stroke.is_on) {
      continue;
    }
    stroke.onset.at = period.TimeOf(stroke.frame);
    onsets_.Push(stroke.onset);
  }
}

void JackMusician::OnByte(uint8_t byte, jack_nframes_t frame,
                          const JackClock::Period& period) {
  if (byte == kClock) return OnPulse(frame, period);
  if (byte == kSongPosition) {
    spp_bytes_ = 2;
    spp_ = 0;
  } else if (byte < 0x80 && spp_bytes_ > 0) {
    spp_ |= byte << (spp_bytes_ == 2 ? 0 : 7);
    if (--spp_bytes_ > 0) return;
    next_ = int64_t{6} * spp_;
    transport_.Push({kSongPosition, run_, period.TimeOf(frame)});
  } else if (byte == kStart || byte == kContinue || byte == kStop) {
    if (byte == kStart) next_ = 0;
    if (byte == kStop) {
      Stop(frame);
    } else {
      running_ = true;
      last_pulse_ = period.TimeOf(frame);
    }
    transport_.Push({byte, run_, period.TimeOf(frame)});
  }
}

void JackMusician::OnPulse(jack_nframes_t frame,
                           const JackClock::Period& period) {
  if (!running_) return;
  if (next_ != expected_) ++run_;
  const double at =
      transport_frame_ < 0 ? transport_frame_ : transport_frame_ + frame;
  last_pulse_ = period.TimeOf(frame);
  pulses_.Push({run_, next_, last_pulse_, at});
  const int64_t line = next_ / kPulsesPerBar * kPulsesPerBar;
  for (size_t i = 0; i < kBarNotes.size(); ++i) {
    const Onset onset{next_, run_, static_cast<int>(i), {}};
    if (next_ == line + kBarNotes[i].on) {
      due_.push_back({frame, onset, true});
      keys_down_.push_back(onset);
    }
  }
  std::erase_if(keys_down_, [&](const Onset& key) {
    const BarNote& note = kBarNotes[static_cast<size_t>(key.note)];
    if (next_ != key.song + note.off - note.on) return false;
    due_.push_back({frame, key, false});
    return true;
  });
  expected_ = ++next_;
}

void JackMusician::Stop(jack_nframes_t frame) {
  LetGo(frame);
  running_ = false;
}

void JackMusician::LetGo(jack_nframes_t frame) {
  for (const Onset& key : keys_down_) due_.push_back({frame, key, false});
  keys_down_.clear();
  expected_ = -1;
}

}  // namespace antiphon::testing
