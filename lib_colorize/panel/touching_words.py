"""What the section "compare and put right" says, in English, Japanese and Chinese; its JavaScript reads all of it."""

from __future__ import annotations

from .language import Language, Phrase

WORDS = {
    "title": Phrase("Compare and put right", "比べて直す", "对比与修正"),
    "take": Phrase("Take the result and its sketch", "結果と線画を取り込む", "取用结果和线稿"),
    "picture": Phrase("Or a picture:", "または画像:", "或图片:"),
    "sketch": Phrase("and its sketch:", "とその線画:", "及其线稿:"),
    "palette": Phrase("Palette:", "パレット:", "调色板:"),
    "mode": Phrase("What to do", "すること", "操作"),
    "compare": Phrase("Compare", "比べる", "对比"),
    "fix": Phrase("Colour an area", "領域を塗り直す", "给区域换色"),
    "hints": Phrase("Draw colour hints", "色のヒントを描く", "画颜色提示"),
    "pair_sketch": Phrase("Sketch | picture", "線画 | 画像", "线稿 | 图片"),
    "pair_fix": Phrase("Before | after my changes", "直す前 | 直した後", "修改前 | 修改后"),
    "pair_previous": Phrase("Previous picture | this one", "前の画像 | 今の画像", "上一张 | 这一张"),
    "canvas": Phrase(
        "The picture. Arrow keys move the divider or a cross, Enter colours the area under the cross",
        "画像。矢印キーで境目または十字を動かし、Enter で十字の下の領域を塗ります",
        "图片。方向键移动分界线或十字,Enter 给十字下的区域上色"),
    "slider": Phrase("Divider between the two pictures", "2 枚の画像の境目", "两张图片的分界线"),
    "colour": Phrase("Colour", "色", "颜色"),
    "pick": Phrase("Pick a colour", "色を拾う", "取色"),
    "swatches": Phrase("Colours of the picture or palette", "画像またはパレットの色", "图片或调色板的颜色"),
    "reference": Phrase("The reference: click a colour", "参照画像: 色をクリック", "参考图:点击颜色"),
    "thick": Phrase("Brush", "太さ", "粗细"),
    "undo": Phrase("Undo", "元に戻す", "撤销"),
    "redo": Phrase("Redo", "やり直す", "重做"),
    "undo_all": Phrase("Undo all", "すべて元に戻す", "全部撤销"),
    "give": Phrase("Use the strokes as hints", "線をヒントとして使う", "把笔画用作提示"),
    "larger": Phrase("Larger", "拡大", "放大"),
    "save": Phrase("Save as PNG", "PNG で保存", "保存为 PNG"),
    "save_psd": Phrase("Layers as PSD", "レイヤーを PSD で", "图层存为 PSD"),
    "save_ora": Phrase("Layers as ORA", "レイヤーを ORA で", "图层存为 ORA"),
    "none": Phrase(
        "Take a result, or choose a picture and its sketch. No model is needed for any of this.",
        "結果を取り込むか、画像とその線画を選んでください。モデルは要りません。",
        "请取用结果,或选择图片及其线稿。这里不需要模型。"),
    "no_result": Phrase(
        "There is no result yet: generate one, or choose a picture.",
        "まだ結果がありません。生成するか、画像を選んでください。", "还没有结果:请先生成,或选择图片。"),
    "no_sketch": Phrase(
        "There is no sketch: put one into the sketch box, or choose it here.",
        "線画がありません。線画欄に入れるか、ここで選んでください。", "没有线稿:请放入线稿框,或在这里选择。"),
    "no_other": Phrase(
        "There is nothing to compare with yet.", "比べるものがまだありません。", "还没有可对比的图片。"),
    "no_picture": Phrase(
        "This file is no picture that the browser can read; save it as PNG.",
        "このファイルはブラウザーで読める画像ではありません。PNG で保存してください。",
        "浏览器无法读取此文件:请另存为 PNG。"),
    "too_large": Phrase(
        "The browser cannot make a picture so large; make the sketch smaller.",
        "ブラウザーでは大きすぎます。線画を小さくしてください。", "图片对浏览器来说太大:请缩小线稿。"),
    "move": Phrase(
        "Drag in the picture, or use the slider below it.", "画像の中をドラッグするか、下のスライダーで。",
        "在图片中拖动,或用下面的滑块。"),
    "reading": Phrase("Looking for the areas ...", "領域を調べています…", "正在查找区域……"),
    "ready": Phrase(
        "{count} areas: choose a colour, then click an area.", "{count} 個の領域。色を選び、領域をクリックします。",
        "{count} 个区域:选择颜色,然后点击区域。"),
    "picking": Phrase(
        "Click where the colour is.", "欲しい色の場所をクリックします。", "点击所需颜色的位置。"),
    "picked": Phrase("Colour {colour}.", "色 {colour}。", "颜色 {colour}。"),
    "coloured": Phrase(
        "{colour}, areas: {areas}. The shading stays.", "{areas} 個の領域を {colour} に。陰影はそのままです。",
        "{areas} 个区域改为 {colour},明暗保留。"),
    "draw": Phrase(
        "Draw strokes or dots of colour over the sketch: each colours the area that it lies in.",
        "線画の上に色の線や点を描きます。それぞれが、その領域の色になります。",
        "在线稿上画彩色的线或点:每一笔决定所在区域的颜色。"),
    "given": Phrase(
        "The strokes are in the box of hints, for the next run.", "線はヒント欄に入り、次の生成で使われます。",
        "笔画已放入提示框,下次生成时使用。"),
    "writing": Phrase("Making it at full size ...", "元の大きさで作成中…", "正在按原尺寸制作……"),
    "saved": Phrase("{name} is downloaded.", "{name} をダウンロードしました。", "{name} 已下载。"),
}


def touching_words(language: Language) -> dict[str, str]:
    """All of them in one language."""
    return {key: str(getattr(phrase, language.value)) for key, phrase in WORDS.items()}
