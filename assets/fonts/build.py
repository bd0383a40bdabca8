#!/usr/bin/env python3
"""Builds the desktop's two fonts from Noto Sans CJK SC.

Needs: the Debian package fonts-noto-cjk and the Python package fonttools (4.x).
Run:   python3 assets/fonts/build.py [--from /usr/share/fonts/opentype/noto]

The result is renamed to "Hotline Sans SC", so that an installed full Noto Sans CJK and our subset never compete
for one name, and a picture of a screen is the same on every machine. Licence: SIL OFL 1.1, see OFL.txt.
Not run by the build: the two files are committed.
"""

import argparse
import pathlib
import re

from fontTools import subset
from fontTools.ttLib import TTFont

FAMILY = "Hotline Sans SC"
SIMPLIFIED_CHINESE_FACE = 2
FEATURES = ["kern", "palt", "locl", "ccmp", "tnum", "vert"]

# Characters met in people's names and in place names that GB 2312 lacks.
NAMES = (
    "㛃䶮𠮷㻏玥珺喆堃昇祎赟翀彧骉犇焱燚垚壵叕煊烜炘炅炆烔焜煚燊旸旻旼昉昫昳昺暐暠朤杍枘柷桤梽樾橦"
    "沄沣泠洢洣浛浠涢淏湉湜溁溦滢滪潆澍澔濛炀焓牮玎玏玒玓玕玘玙玠玡玢玭玹玶珈珣珧珩珽琇琎琏琚琛琤琬琮琰"
    "琲琸瑀瑂瑄瑑瑔瑗瑝瑢瑨瑱璁璆璟璘璠璿甯畯皛皦睆矞祏祐祾禔禛禤秾稹竑絜翃翙翚翯翾耑芃苡苾茈荇荛荪莙菀菂"
    "菉萁葳蒗蒨蓁蓥蕤薏蘅蘩虓衎袆裒訚訢詝諴譞谖谞豂豳赪趯邡邴郃郄郗郯鋆鋐鎏钇钐钰铖铧铨锜锟锴镕镡镨闳"
    "阖阗陞雒雱霁霈韪韫頔颀颙馥骁骐骧骢髙鸢鹍鹔黉黻龑龢囧囍槑叒羴鱻麤淼堉垕堯峣崟崚嵘彣憙扆抟曈枥榕瀚灏"
    "瓒粲缊缪镠锍翛仝佘偲傕劼勍勔哿唛喾嘏噙圩埝塄墘妧妤姈姞娈娴婠婳婻嫄嫚嬛孖孭屾岍岽峂峋崀崧嶶帡庥廋"
)


def wanted() -> set[int]:
    """All code points that the desktop must be able to show in its own font."""
    points = set(range(0x20, 0x7F)) | set(range(0xA0, 0x180)) | set(range(0x2010, 0x2060)) | set(range(0x2190, 0x2200))
    points |= set(range(0x2460, 0x2480)) | set(range(0x25A0, 0x2600)) | set(range(0x3000, 0x3040)) | set(range(0xFF00, 0xFFEF))
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                points.add(ord(bytes([high, low]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    points |= {ord(character) for character in NAMES}
    sources = pathlib.Path(__file__).resolve().parents[2] / "agent-desktop"
    for path in sources.rglob("*.rs"):
        points |= {ord(character) for character in path.read_text(encoding="utf-8") if ord(character) > 0x7F}
    return points


def write_hanzi() -> None:
    """Lists the hanzi of GB 2312, a line for each of its rows, for the font's test."""
    rows = []
    for high in range(0xB0, 0xF8):
        cells = bytes(byte for low in range(0xA1, 0xFF) for byte in (high, low))
        rows.append(cells.decode("gb2312", errors="ignore"))
    pathlib.Path(__file__).with_name("gb2312.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def rename(font: TTFont, style: str) -> None:
    """Gives every name record and the CFF table our family, with no trace of the former one but the copyright."""
    new = {1: FAMILY, 2: style, 3: f"{FAMILY} {style} 1", 4: f"{FAMILY} {style}", 6: f"{FAMILY.replace(' ', '')}-{style}"}
    table = font["name"]
    keep = {0, 5, 13, 14}
    old = [record for record in table.names if record.nameID in keep and record.langID == 0x409]
    table.names = old
    for identity, text in new.items():
        table.setName(text, identity, 3, 1, 0x409)
    cff = font["CFF "].cff
    cff.fontNames = [new[6]]
    top = cff.topDictIndex[0]
    top.FullName, top.FamilyName, top.Weight = new[4], FAMILY, style
    for index, part in enumerate(top.FDArray):
        part.FontName = re.sub(r"^[^-]*-", f"{FAMILY.replace(' ', '')}-", part.FontName or f"-{index}")


def build(source: pathlib.Path, style: str, points: set[int]) -> None:
    """Cuts one weight and writes it beside this file."""
    options = subset.Options()
    options.layout_features = FEATURES
    options.hinting = False
    options.name_IDs = ["*"]
    options.name_languages = [0x409]
    options.notdef_outline = True
    font = TTFont(source / f"NotoSansCJK-{style}.ttc", fontNumber=SIMPLIFIED_CHINESE_FACE, lazy=True)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=points)
    cutter.subset(font)
    rename(font, style)
    target = pathlib.Path(__file__).with_name(f"HotlineSansSC-{style}.otf")
    font.save(target)
    print(target.name, target.stat().st_size, "bytes,", len(font.getBestCmap()), "characters")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="source", type=pathlib.Path, default=pathlib.Path("/usr/share/fonts/opentype/noto"))
    source = parser.parse_args().source
    points = wanted()
    write_hanzi()
    for style in ("Regular", "Bold"):
        build(source, style, points)


if __name__ == "__main__":
    main()
