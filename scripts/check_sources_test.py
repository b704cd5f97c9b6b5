#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one violation of each source rule and sees check_sources.py catch it."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_sources  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


class CheckSourcesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)

    def plant(self, name, body, top=SPDX):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(top + body, encoding="utf-8")
        if path.suffix == ".cc":
            (path.parent / "CMakeLists.txt").write_text(
                "# SPDX-License-Identifier: Apache-2.0\n" + path.name + "\n",
                encoding="utf-8")

    def findings(self):
        return list(check_sources.findings(self.root))

    def assert_caught(self, rule, name, body, top=SPDX):
        self.plant(name, body, top)
        found = self.findings()
        self.assertEqual(len(found), 1, found)
        self.assertRegex(found[0], rf"^{name}:\d+: {rule}: ")

    def assert_allowed(self, name, body):
        self.plant(name, body)
        self.assertEqual(self.findings(), [])

    def test_leaf_includes_leaf(self):
        self.assert_caught("include", "edge/plan/a.cc",
                           '#include "edge/bars/bar_assembler.h"\n')

    def test_leaf_includes_conductor(self):
        self.assert_caught("include", "edge/plan/a.cc", '#include "edge/conductor.h"\n')

    def test_common_includes_edge(self):
        self.assert_caught("include", "common/midi/a.cc", '#include "edge/plan/a.h"\n')

    def test_edge_includes_inference(self):
        self.assert_caught("include", "edge/main.cc",
                           '#include "inference/model/model.h"\n')

    def test_engine_includes_concrete_model(self):
        self.assert_caught("include", "inference/engine/a.cc",
                           '#include "inference/model/torch_model.h"\n')

    def test_aria_includes_model_internals(self):
        self.assert_caught("include", "inference/aria/a.cc",
                           '#include "inference/model/safetensors.h"\n')

    def test_playback_includes_log(self):
        self.assert_caught("include", "edge/playback/a.cc", '#include "common/log.h"\n')

    def test_playback_includes_metrics(self):
        self.assert_caught("include", "edge/playback/a.cc",
                           '#include "common/metrics/exporter.h"\n')

    def test_production_includes_test(self):
        self.assert_caught("include", "edge/plan/a.cc", '#include "tests/sim/world.h"\n')

    def test_production_includes_fake(self):
        self.assert_caught("include", "inference/model/a.cc",
                           '#include "inference/model/fake_model.h"\n')

    def test_relative_include(self):
        self.assert_caught("include", "edge/plan/a.cc", '#include "../bars/b.h"\n')

    def test_torch_outside_model(self):
        self.assert_caught("include", "inference/engine/a.cc", "#include <ATen/ATen.h>\n")

    def test_torch_in_header_of_model(self):
        guard = "ANTIPHON_INFERENCE_MODEL_A_H_"
        self.assert_caught("include", "inference/model/a.h",
                           f"#ifndef {guard}\n#define {guard}\n#include <torch/nn.h>\n"
                           f"#endif  // {guard}\n")

    def test_pb_outside_wire(self):
        self.assert_caught("include", "inference/engine/a.cc",
                           '#include "antiphon/v1/accompanist.pb.h"\n')

    def test_grpc_outside_its_places(self):
        self.assert_caught("include", "edge/conductor.cc", "#include <grpcpp/grpcpp.h>\n")

    def test_prometheus_outside_metrics(self):
        self.assert_caught("include", "edge/main.cc", "#include <prometheus/counter.h>\n")

    def test_rtmidi_outside_port(self):
        self.assert_caught("include", "edge/main.cc", "#include <RtMidi.h>\n")

    def test_system_header_outside_rt(self):
        for header in ("unistd.h", "sys/mman.h", "windows.h", "mach/mach_time.h"):
            with self.subTest(header):
                self.assert_caught("include", "edge/main.cc", f"#include <{header}>\n")

    def test_system_call_outside_rt(self):
        self.assert_caught("system-call", "edge/playback/a.cc",
                           "void F() { clock_nanosleep(0, 0, 0, 0); }\n")

    def test_clock_outside_rt(self):
        self.assert_caught("system-call", "edge/plan/a.cc",
                           "auto t = std::chrono::steady_clock::now();\n")

    def test_sleep_in_unit_test(self):
        self.assert_caught("system-call", "edge/plan/a_test.cc",
                           "void F() { std::this_thread::sleep_for(t); }\n")

    def test_getenv_below_main(self):
        self.assert_caught("getenv", "edge/port/a.cc", 'auto x = std::getenv("A");\n')

    def test_no_licence_line(self):
        self.assert_caught("licence", "edge/port/a.cc", "int a;\n", top="")

    def test_no_licence_line_in_script(self):
        self.assert_caught("licence", "scripts/a.sh", "true\n", top="#!/bin/bash\n")

    def test_wrong_guard(self):
        self.assert_caught("guard", "edge/plan/a.h",
                           "#ifndef A_H\n#define ANTIPHON_EDGE_PLAN_A_H_\n"
                           "#endif  // ANTIPHON_EDGE_PLAN_A_H_\n")

    def test_long_file(self):
        self.assert_caught("length", "edge/plan/a.cc", "int a;\n" * 600)

    def test_long_readme(self):
        self.assert_caught("length", "README.md", "line\n" * 151, top="")

    def test_leftover(self):
        self.assert_caught("leftover", "docs/a.md", "TO" + "DO later\n", top="")

    def test_machine_path(self):
        self.assert_caught("machine-path", "docs/a.md", "see /" + "home/me/x\n", top="")

    def test_source_unknown_to_cmake(self):
        self.plant("edge/plan/a.cc", "int a;\n")
        self.plant("edge/plan/b.cc", "int b;\n")
        found = self.findings()
        self.assertEqual(len(found), 1, found)
        self.assertRegex(found[0], r"^edge/plan/a\.cc:1: cmake: ")

    def test_allowed_includes(self):
        for name, target in (
                ("edge/conductor.cc", "edge/plan/planner.h"),
                ("edge/plan/a.cc", "common/music/timeline.h"),
                ("edge/playback/b.cc", "edge/port/midi_port.h"),
                ("edge/session/c.cc", "edge/client/accompanist.h"),
                ("inference/engine/d.cc", "inference/model/model.h"),
                ("inference/engine/sub_test.cc", "tests/sim/world.h"),
                ("inference/engine/f_test.cc", "inference/model/fake_model.h"),
                ("inference/service/e.cc", "inference/engine/engine.h"),
                ("inference/tool/f.cc", "inference/model/torch_model.h"),
                ("tests/sim/g.cc", "edge/plan/planner.h")):
            with self.subTest(name):
                self.setUp()
                self.assert_allowed(name, f'#include "{target}"\n')

    def test_allowed_third_party(self):
        self.assert_allowed("inference/model/a.cc", "#include <ATen/core/Tensor.h>\n")

    def test_allowed_system_headers(self):
        for name, header in (("common/rt/a.cc", "pthread.h"), ("edge/a.cc", "csignal"),
                             ("edge/plan/a_test.cc", "sys/stat.h")):
            with self.subTest(name):
                self.setUp()
                self.assert_allowed(name, f"#include <{header}>\n")

    def test_comment_may_name_a_call(self):
        self.assert_allowed("edge/clock/a.cc", "int a;  // clock_nanosleep waits\n")

    def test_guard_by_path(self):
        guard = "ANTIPHON_EDGE_PLAN_A_H_"
        self.assert_allowed("edge/plan/a.h", f"#ifndef {guard}\n#define {guard}\n"
                                             f"#endif  // {guard}\n")


if __name__ == "__main__":
    unittest.main()
