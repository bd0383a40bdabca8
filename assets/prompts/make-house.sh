#!/bin/sh
# Makes the built-in voice of the house: 8 kHz mono PCM16 WAV, about -21 dBFS RMS, without silence at its ends.
# Needs espeak-ng and sox. Run it in this folder; the results are committed so that nobody has to.
set -eu
cd "$(dirname "$0")/house"

# $1 name, $2 voice, $3 words per minute, $4 text
speak() {
    espeak-ng -v "$2" -p 60 -s "$3" -w "$1.raw" "$4"
    # The ends are cut where the sound falls below 0.5 %; 40 ms at each keep the pieces of a sentence apart.
    sox -t wav -D -v 0.4 "$1.raw" -t wav -r 8000 -c 1 -b 16 "$1.band" sinc 200-3400 \
        silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse pad 0.04 0.04
    rms=$(sox -t wav "$1.band" -n stat 2>&1 | awk '/RMS.*amplitude/ { print $3 }')
    peak=$(sox -t wav "$1.band" -n stat 2>&1 | awk '/Maximum amplitude/ { high = $3 } /Minimum amplitude/ { low = -$3 } END { print (high > low ? high : low) }')
    gain=$(awk -v rms="$rms" -v peak="$peak" 'BEGIN { gain = 0.085 / rms; print (gain * peak > 0.95 ? 0.95 / peak : gain) }')
    sox -t wav -D -v "$gain" "$1.band" -b 16 "$1.wav"
    rm "$1.raw" "$1.band"
}

zh() { speak "zh.$1" cmn+f2 250 "$2"; }
en() { speak "en.$1" en-us+f2 180 "$2"; }

number=0
for text in 零 一 二 三 四 五 六 七 八 九 十; do
    zh "n$number" "$text"
    number=$((number + 1))
done
zh liang "两"
zh you_are_next "您是下一位。"
zh ahead_of_you "您前面还有"
zh people "位。"
zh very_many_ahead "您前面的人数已超过一百位。"
zh wait_about "预计等待"
zh wait_less_than "预计等待不到"
zh wait_more_than "预计等待超过"
zh to "到"
zh minutes "分钟。"
zh please_wait "座席正忙，请您稍候。"
zh queue_advice "政务咨询。"
zh residual_warning "温馨提示：本次通话时间较长，稍后将自动结束。"
zh yao "幺"
zh star "星号键"
zh hash "井号键"
zh callback_offer "如需回呼，请按"
zh callback_own "轮到您时，我们将回呼"
zh callback_entered "您输入的号码是"
zh callback_confirm "确认请按一，更换号码请按二，继续排队请按星号键。"
zh callback_confirm_only "确认请按一，继续排队请按星号键。"
zh callback_enter "请输入回呼号码，按井号键结束，继续排队请按星号键。"
zh callback_bad_number "该号码不能回呼。"
zh callback_not_now "现在不能登记回呼，请您继续等候。"
zh callback_back "请您继续等候。"
zh callback_promised "已为您登记回呼，您的排队位置不变，请挂机等候来电。"
zh survey_question "请对本次服务评价：非常满意请按一，满意请按二，一般请按三，不满意请按四，非常不满意请按五。"
zh survey_thanks "感谢您的评价，再见。"
zh wrong_key "按键有误。"

for number in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 30 40 50 60 70 80 90; do
    en "n$number" "$number"
done
en you_are_next "You are next in line."
en ahead_of_you "Ahead of you:"
en person "caller."
en people "callers."
en very_many_ahead "There are more than one hundred callers ahead of you."
en wait_about "Your expected wait is"
en wait_less_than "Your expected wait is less than"
en wait_more_than "Your expected wait is more than"
en to "to"
en minute "minute."
en minutes "minutes."
en please_wait "All our agents are busy. Please hold the line."
en queue_advice "General advice."
en residual_warning "This call has been going on for a long time. It will end soon."
en star "star"
en hash "hash"
en callback_offer "To be called back, press"
en callback_own "When it is your turn, we will call you back at"
en callback_entered "You have entered"
en callback_confirm "To confirm, press 1. For another number, press 2. To stay in line, press star."
en callback_confirm_only "To confirm, press 1. To stay in line, press star."
en callback_enter "Please enter the number to call, then press hash. To stay in line, press star."
en callback_bad_number "We can not call this number."
en callback_not_now "We can not take a call back now. Please hold the line."
en callback_back "Please hold the line."
en callback_promised "We will call you back. You keep your place in line. Please hang up."
en survey_question "Please rate our service. Very satisfied: press 1. Satisfied: press 2. Fair: press 3. Dissatisfied: press 4. Very dissatisfied: press 5."
en survey_thanks "Thank you. Good bye."
en wrong_key "That key has no meaning here."
