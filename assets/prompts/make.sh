#!/bin/sh
# Makes the spoken prompts of the demo and the tests: 8 kHz mono PCM16 WAV, about -21 dBFS RMS.
# Needs espeak-ng and sox. Run it in this folder; the results are committed so that nobody has to.
set -eu
cd "$(dirname "$0")"

# $1 name, $2 pitch 0-99, $3 words per minute, $4 voice variant, $5 text
speak() {
    espeak-ng -v "cmn+$4" -p "$2" -s "$3" -w "$1.raw.wav" "$5"
    # Linear gain to the wanted RMS (0.085 of full scale = -21.4 dBFS), measured after the telephone band is cut.
    sox -D -v 0.4 "$1.raw.wav" -r 8000 -c 1 -b 16 "$1.band.wav" sinc 200-3400
    rms=$(sox "$1.band.wav" -n stat 2>&1 | awk '/RMS.*amplitude/ { print $3 }')
    gain=$(awk -v rms="$rms" 'BEGIN { print 0.085 / rms }')
    sox -D -v "$gain" "$1.band.wav" -b 16 "$1.wav"
    rm "$1.raw.wav" "$1.band.wav"
}

speak citizen.zh 35 175 m3 "您好，我想咨询一下医保异地备案需要什么材料，谢谢。"
speak agent.zh 65 200 f2 "您好，一二三四五热线，幺零零幺号为您服务，请讲。备案请带身份证和社保卡。"
