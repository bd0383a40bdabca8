"""Scores sound files with PESQ (ITU-T P.862, narrow band): a line of JSON in, a line of JSON out.

In: {"reference": WAV, "heard": WAV, "pieces": N, "skip": samples}; the reference is said again and again without a pause. Out: {"scores": [MOS-LQO of
each piece], "places": [sample at which each piece begins in what was heard]}. The reference: 8 kHz, mono, 16 bits; what was heard may
also have 48 kHz and several channels, of which the first is scored.
"""

import json
import sys
import wave

import numpy
from pesq import NoUtterancesError, pesq

RATE = 8000
# A jitter buffer moves a piece by less than this against the piece before.
REACH = RATE // 2


def read(path):
    with wave.open(path) as file:
        channels, factor = file.getnchannels(), file.getframerate() // RATE
        samples = numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16)[::channels]
    if factor == 1:
        return samples
    samples = samples[: len(samples) // factor * factor].astype(float)
    length = len(samples) // factor
    spectrum = numpy.fft.rfft(samples)[: length // 2 + 1]
    return numpy.clip(numpy.fft.irfft(spectrum, length) / factor, -32768, 32767).astype(numpy.int16)


def best_place(reference, heard, first, places):
    """Where the reference fits best among so many places from the first on, by cross-correlation."""
    part = heard[first : first + places + len(reference)].astype(float)
    size = 1 << (len(part) + len(reference)).bit_length()
    spectrum = numpy.fft.rfft(part, size) * numpy.conj(numpy.fft.rfft(reference.astype(float), size))
    return first + int(numpy.argmax(numpy.fft.irfft(spectrum, size)[:places]))


def score(task):
    reference, heard = read(task["reference"]), read(task["heard"])
    scores, places = [], []
    # Exactly one piece begins within its own length.
    place = best_place(reference, heard, task["skip"], len(reference))
    while len(scores) < task["pieces"] and place + len(reference) <= len(heard):
        try:
            scores.append(float(pesq(RATE, reference, heard[place : place + len(reference)], "nb")))
        except NoUtterancesError:
            # Nothing at all is heard: the worst there is.
            scores.append(1.0)
        places.append(place)
        place = best_place(reference, heard, place + len(reference) - REACH, 2 * REACH)
    return {"scores": scores, "places": places}


for line in sys.stdin:
    print(json.dumps(score(json.loads(line))), flush=True)
