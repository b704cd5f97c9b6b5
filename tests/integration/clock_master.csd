<CsoundSynthesizer>
; SPDX-License-Identifier: Apache-2.0
; Csound as a host: MIDI clock through a JACK port for as long as it runs, $HZ
; pulses a second, also while stopped. On its standard input START, STOP and
; CONTINUE are score lines for instrument 1: "i 1 0 0.01 N", N = 1, 0, 2.
<CsOptions>
-odac -+rtaudio=jack -+rtmidi=jack -Q0 -d -m0 -B128 -b64 -Lstdin
</CsOptions>
<CsInstruments>
sr = 48000
ksmps = 64
nchnls = 1
0dbfs = 1
instr 1
  mrtmsg p4
endin
instr 2
  mclock p4
endin
</CsInstruments>
<CsScore>
i 2 0 3600 $HZ
</CsScore>
</CsoundSynthesizer>
