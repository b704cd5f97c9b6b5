// SPDX-License-Identifier: Apache-2.0
//
// Judges by ear what the edge made of a master clock: each note that the
// musician played in a whole bar has to come back once, two bars later, at the
// same place; a note that was held over a line has to end on one, which tells
// where the edge believes the line to be. Nothing else may sound. The measure
// is the musician's count of the same clock: where JACK's transport rolls, its
// frames; else the stamps of the pulses.
//
// Where the machine has just halted JACK, nobody can tell when the next pulse
// will be: what falls into the settling time after such a stall has to come,
// but its distance counts for nothing. A run is judged once kLeastNotes and
// kLeastLines of its distances count. A stall as long as whole pulses looks to
// the edge, and to anybody, as if those had been lost: until the master tells a
// position again, distances may be off by them.
#ifndef ANTIPHON_TESTS_INTEGRATION_ANSWER_JUDGE_H_
#define ANTIPHON_TESTS_INTEGRATION_ANSWER_JUDGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/time/mono_time.h"
#include "tests/integration/jack_listener.h"
#include "tests/integration/jack_musician.h"

namespace antiphon::testing {

// Distances from the ideal, milliseconds.
class Distances {
 public:
  void Add(double ms) { all_.push_back(ms); }
  size_t count() const { return all_.size(); }
  double Median() const;
  // Of the absolute values, 0 to 1.
  double Quantile(double share) const;
  // "21 notes: median 0.71 ms, p95 1.20 ms, max 1.33 ms"
  std::string Text(const std::string& what) const;

 private:
  std::vector<double> all_;
};

struct SoundedNote {
  int pitch = 0;
  MonoTime on;
  std::optional<MonoTime> off{};
  bool called_for = false;
};

// What the judge goes by: the musician's record, and what the ear has heard.
struct Testimony {
  std::vector<JackMusician::Pulse> pulses{};
  std::vector<JackMusician::Transport> transport{};
  std::vector<JackMusician::Onset> onsets{};
  std::vector<JackMusician::Stall> stalls{};
  std::vector<HeardEvent> heard{};
};
// Fails the test where either has lost something.
Testimony TestimonyOf(const JackMusician& musician, const JackListener& ear);

class AnswerJudge {
 public:
  static constexpr int kAnswerBarsLater = 2;
  // What is heard of a bar's answer at the least.
  static constexpr int kLeastNotes = 7;
  static constexpr int kLeastLines = 1;

  // `pulse_ms` as the master means it; `frames_per_pulse` of JACK's transport,
  // where that is the measure.
  AnswerJudge(const Testimony& testimony, double pulse_ms,
              double frames_per_pulse);

  // Every run, which may still be under way.
  void Listen();
  // The same, of a session that is over: fails the test for each note that is
  // missing, hangs, or that nobody called for. Bars of the song in which
  // answers were heard to the end.
  std::vector<int64_t> JudgeAll();

  // From an instant at which something sounds to the end of the last note that
  // sounds in the tenth of a second after it; fails the test if nothing sounds.
  // Infinite where a note has no end.
  double MillisecondsToSilence(MonoTime from) const;

  const Distances& notes() const { return notes_; }
  const Distances& lines() const { return lines_; }
  // Whether so many distances of that run count that it can be judged.
  bool HasJudged(int run) const;
  // Every run of which a whole bar was heard; false if there was none.
  bool HasJudgedAll() const;
  // Notes and lines that were left out, because JACK had just stalled.
  int after_stalls() const { return after_stalls_; }
  // Of the master's pulses from JACK's transport, in pulses.
  double master_error() const { return master_error_; }
  const std::vector<SoundedNote>& sounded() const { return sounded_; }

 private:
  using Pulses = std::map<int64_t, MonoTime>;  // by song position

  struct Counts {
    int notes = 0;
    int lines = 0;
  };

  void JudgeRun(int run, const Pulses& pulses);
  void JudgeOnset(const JackMusician::Onset& onset, const Pulses& pulses,
                  Counts& counts);
  void JudgeLine(const JackMusician::Onset& onset, const Pulses& pulses,
                 const SoundedNote& note, Counts& counts);
  // False: left out.
  bool Add(Distances& distances, const JackMusician::Onset& onset, MonoTime at,
           MonoTime due);
  bool AfterStall(MonoTime at) const;
  int WholePulses(double ms) const;
  // For which stalls may have been taken since the master last told a position,
  // at the most.
  int PulsesInDoubt(int run, MonoTime to) const;
  SoundedNote* Nearest(int pitch, MonoTime at);

  const double pulse_ms_;
  std::map<int, Pulses> runs_;
  std::set<int> stopped_;            // runs that a STOP ended
  std::vector<MonoTime> positions_;  // when START or a song position came
  std::vector<JackMusician::Onset> onsets_;
  std::vector<SoundedNote> sounded_;
  Distances notes_;
  Distances lines_;
  std::vector<JackMusician::Stall> stalls_;
  std::vector<int64_t> bars_;         // heard to the end
  std::map<int, Counts> judged_;      // by run, if a whole bar was heard
  std::vector<std::string> missing_;  // answers
  int after_stalls_ = 0;
  double master_error_ = 0;
};

// What of an ear's events are notes, in the order of their beginnings.
std::vector<SoundedNote> NotesOf(const std::vector<HeardEvent>& events);

}  // namespace antiphon::testing

#endif  // ANTIPHON_TESTS_INTEGRATION_ANSWER_JUDGE_H_
