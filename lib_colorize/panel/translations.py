"""The panel's words in English, Japanese and Simplified Chinese: one table, and the choice of a language.

English labels and tooltips of settings stand in the settings themselves; SETTINGS holds the other two languages.
"""

from __future__ import annotations

import enum
from dataclasses import Field
from typing import Any, NamedTuple


class Language(enum.Enum):
    """The value is what the settings page stores."""

    ENGLISH = "en"
    JAPANESE = "ja"
    CHINESE = "zh"


class Phrase(NamedTuple):
    """One text in the order of Language."""

    en: str
    ja: str
    zh: str


class Words(NamedTuple):
    """Label and tooltip of a setting, each in Japanese and Chinese."""

    ja: str
    ja_help: str
    zh: str
    zh_help: str


HINTS = {Language.JAPANESE: ("ja", "日本"), Language.CHINESE: ("zh", "chinese", "中文", "简体", "繁")}  # in file names


def choose_language(wanted: str, localization: str) -> Language:
    """wanted: "en", "ja", "zh", or "auto", which follows the name of the host's localization file."""
    if wanted in [language.value for language in Language]:
        return Language(wanted)
    name = (localization or "").lower()
    return next((language for language, hints in HINTS.items() if any(hint in name for hint in hints)),
                Language.ENGLISH)


class Texts:
    """All texts of the panel in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """The phrase of that key, with values filled in."""
        return str(getattr(PHRASES[key], self.language.value)).format(**values)

    def label(self, item: Field[Any]) -> str:
        """Of a setting."""
        return self._setting(item, "label", "")

    def help(self, item: Field[Any]) -> str:
        """The tooltip of a setting."""
        return self._setting(item, "help", "_help")

    def _setting(self, item: Field[Any], english: str, other: str) -> str:
        if self.language is Language.ENGLISH:
            return str(item.metadata[english])
        return str(getattr(SETTINGS[item.name], self.language.value + other))

    def choice(self, value: str, english: str | None = None) -> str:
        """How one value of a choice is shown; `english`: where the value itself is not what is read."""
        phrase = CHOICES[value]
        return english or value if self.language is Language.ENGLISH else str(getattr(phrase, self.language.value))


SETTINGS = {
    "reference_guidance": Words(
        "参照ガイダンス", "参照画像の分類器なしガイダンスの強さ(GS)。1 = オフ",
        "参考图引导", "参考图的无分类器引导强度(GS);1 = 关闭"),
    "sketch_guidance": Words(
        "線画ガイダンス", "線画の分類器なしガイダンスの強さ。1 = オフ。計算時間が増えます",
        "线稿引导", "线稿的无分类器引导强度;1 = 关闭。会增加计算时间"),
    "reference_strength": Words(
        "参照の強さ", "全ブロックのクロスアテンションの倍率",
        "参考强度", "所有层的交叉注意力倍率"),
    "sketch_strength": Words(
        "線画の強さ", "線画の特徴にかける倍率",
        "线稿强度", "线稿特征的倍率"),
    "semantics_strength": Words(
        "意味", "ブロック 4 5 7 8 9 のクロスアテンションの倍率(参照の強さに掛かる)",
        "语义", "第 4 5 7 8 9 层的交叉注意力倍率(与参考强度相乘)"),
    "colour_strength": Words(
        "色", "ブロック 2 3 10 11 12 のクロスアテンションの倍率(参照の強さに掛かる)",
        "颜色", "第 2 3 10 11 12 层的交叉注意力倍率(与参考强度相乘)"),
    "encoder_strength": Words(
        "エンコーダー", "ブロック 0-5 のクロスアテンションの倍率(参照の強さに掛かる)。意味と色が優先",
        "编码器", "第 0-5 层的交叉注意力倍率(与参考强度相乘);语义和颜色优先"),
    "block_strengths": Words(
        "16 ブロック", "グループの代わりに、U-Net 順の 16 個の倍率(参照の強さに掛かる)。空 = グループを使う",
        "16 层", "代替分组:按 U-Net 顺序的 16 个倍率(与参考强度相乘);留空 = 使用分组"),
    "guidance_start": Words(
        "参照の開始", "参照が効き始める進み具合(0 から 1)",
        "参考开始", "参考图开始起作用的进度(0 到 1)"),
    "guidance_end": Words(
        "参照の終了", "参照が効かなくなる進み具合(0 から 1)",
        "参考结束", "参考图停止起作用的进度(0 到 1)"),
    "no_guidance_start": Words(
        "参照なしの開始", "参照を使わない区間の始まり",
        "无参考开始", "不使用参考图的区间的起点"),
    "no_guidance_end": Words(
        "参照なしの終了", "参照を使わない区間の終わり。開始より後でなければ区間なし",
        "无参考结束", "不使用参考图的区间的终点;不大于起点时没有该区间"),
    "polarity": Words(
        "線の明暗", "明るい紙に暗い線、暗い紙に明るい線、または自動判定(紙も白くします)",
        "线条明暗", "浅底深线、深底浅线,或自动判断(同时把纸变白)"),
    "extractor": Words(
        "線画抽出", "影付きや鉛筆の絵から線を取り出します。なし = 線をそのまま使う",
        "线稿提取", "从带阴影或铅笔的画中提取线条;无 = 原样使用线条"),
    "line_overlay": Words(
        "線の重ね描き", "元の線画の線を、元の大きさのまま結果に重ねます。0 = しない、1 = 完全に",
        "叠加线条", "把原线稿按原尺寸叠加到结果上;0 = 关闭,1 = 完全"),
    "start": Words(
        "開始",
        "純粋なノイズ = ノイズ除去の強さにかかわらず線画を新しく塗る。元絵を保つ = img2img の画像はすでに彩色済みで、"
        "ノイズ除去の強さがどこまで変えるかを決める。線画は拡張機能の線画欄に入れる",
        "起点", "纯噪声 = 无论重绘幅度多少都重新给线稿上色;保留底图 = img2img 的图片已经上色,重绘幅度决定改变多少,"
        "线稿放在本扩展自己的线稿框里"),
    "size_from_sketch": Words(
        "線画から大きさを決める",
        "幅と高さは線画の形に合わせ、チェックポイント本来の大きさになります。オフ = 上の設定どおり。"
        "インペイント、元絵を保つ、最初以外のリサイズモードでは使えません",
        "尺寸随线稿",
        "宽和高按线稿的形状取模型本来的尺寸;关闭 = 按上面的设置。局部重绘、保留底图、第一种以外的缩放模式下不可用"),
}

CHOICES = {  # values of settings with a choice; English shows the value itself, or the extractor's label
    "auto": Phrase("auto", "自動", "自动"),
    "dark on light": Phrase("dark on light", "明るい紙に暗い線", "浅底深线"),
    "light on dark": Phrase("light on dark", "暗い紙に明るい線", "深底浅线"),
    "pure noise": Phrase("pure noise", "純粋なノイズ", "纯噪声"),
    "keep base": Phrase("keep base", "元絵を保つ", "保留底图"),
    "none": Phrase("none", "なし: すでにきれいな線画", "无:线稿已经干净"),
    "lineart": Phrase("lineart", "影や鉛筆の絵から線画", "从阴影或铅笔画提取线稿"),
    "paper": Phrase("paper", "紙の写真やスキャン", "纸张照片或扫描"),
}

PHRASES = {
    "reference": Phrase("Reference: its colours are used", "参照画像: この色で塗ります", "参考图:使用它的颜色"),
    "sketch": Phrase("Sketch (optional)", "線画(任意)", "线稿(可选)"),
    "sketch_help_img2img": Phrase(
        "Leave the sketch empty to colour the picture of img2img.",
        "線画欄が空なら、img2img の画像を線画として塗ります。",
        "线稿框留空时,给 img2img 的图片上色。"),
    "sketch_help_txt2img": Phrase(
        "In txt2img the sketch goes here.", "txt2img では線画をここに入れます。", "在 txt2img 中,线稿放在这里。"),
    "swap": Phrase("Swap reference and sketch", "参照と線画を入れ替え", "交换参考图和线稿"),
    "preset_sketch": Phrase("Stick to the sketch", "線画に忠実", "忠于线稿"),
    "preset_balanced": Phrase("Balanced", "バランス", "平衡"),
    "preset_style": Phrase("Strong style", "強いスタイル", "强风格"),
    "size_button": Phrase(
        "Set the sliders to the sketch's size now", "スライダーを線画の大きさに合わせる", "立即把滑块设为线稿尺寸"),
    "lines": Phrase("Lines of the sketch", "線画の線", "线稿的线条"),
    "preview_button": Phrase("Preview what the model will see", "モデルが見る線画をプレビュー", "预览模型看到的线稿"),
    "preview": Phrase("What the model will see", "モデルが見る線画", "模型看到的线稿"),
    "advanced": Phrase("Advanced", "詳細設定", "高级"),
    "blocks_placeholder": Phrase(
        "empty, or 16 numbers: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "空、または 16 個の数: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "留空,或 16 个数:1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
    "check": Phrase("Check the model", "モデルを確認", "检查模型"),
    "note_none": Phrase(
        "No checkpoint is loaded yet.", "チェックポイントはまだ読み込まれていません。", "还没有加载模型。"),
    "note_foreign": Phrase(
        "{checkpoint} is not a colorize checkpoint: choose one at the top of the page.",
        "{checkpoint} は着色用チェックポイントではありません。ページ上部で選んでください。",
        "{checkpoint} 不是上色模型:请在页面顶部选择。"),
    "note_colorize": Phrase(
        "{checkpoint}: colorize checkpoint, {prediction} prediction, made for {resolution} px.",
        "{checkpoint}: 着色用チェックポイント、{prediction} 予測、{resolution} px 用。",
        "{checkpoint}:上色模型,{prediction} 预测,适合 {resolution} px。"),
    "note_encoder": Phrase("Reference encoder: {encoder}", "参照エンコーダー: {encoder}", "参考编码器:{encoder}"),
    "encoder_inside": Phrase("inside the checkpoint", "チェックポイントの中にあります", "在模型文件内"),
    "note_no_encoder": Phrase(
        "Reference encoder: not found, see Models below.",
        "参照エンコーダー: 見つかりません。下の「モデル」をご覧ください。",
        "参考编码器:未找到,请看下面的「模型」。"),
    "unknown": Phrase("unknown", "不明な", "未知"),
    "no_sketch_img2img": Phrase(
        "There is no sketch: put one into the sketch box or into img2img.",
        "線画がありません。線画欄か img2img に入れてください。", "没有线稿:请放入线稿框或 img2img。"),
    "no_sketch_txt2img": Phrase(
        "There is no sketch: put one into the sketch box.", "線画がありません。線画欄に入れてください。",
        "没有线稿:请放入线稿框。"),
    "as_reference": Phrase(
        "ColorizeDiffusion: use as reference", "ColorizeDiffusion: 参照画像にする", "ColorizeDiffusion:用作参考图"),
    "as_sketch": Phrase(
        "ColorizeDiffusion: use as sketch", "ColorizeDiffusion: 線画にする", "ColorizeDiffusion:用作线稿"),
    "models": Phrase(
        "Models: what is needed and where it goes",
        "モデル: 必要なファイルと置き場所", "模型:需要的文件和存放位置"),
    "press_check": Phrase(
        'Press "Check the model" above.',
        "上の「モデルを確認」を押してください。", "请点击上面的「检查模型」。"),
    "purpose_checkpoint": Phrase("colorize checkpoint", "着色用チェックポイント", "上色模型"),
    "purpose_encoder": Phrase("reference encoder", "参照エンコーダー", "参考编码器"),
    "column_file": Phrase("File", "ファイル", "文件"),
    "column_size": Phrase("Size", "大きさ", "大小"),
    "column_licence": Phrase("Licence", "ライセンス", "许可"),
    "column_state": Phrase("State", "状態", "状态"),
    "state_found": Phrase("found in {folder}", "{folder} にあります", "已在 {folder}"),
    "state_needed": Phrase(
        "missing, needed: goes into {folder}",
        "必要です。置き場所: {folder}", "缺少,需要:放入 {folder}"),
    "state_optional": Phrase(
        "not there, optional: goes into {folder}",
        "なし(任意)。置き場所: {folder}", "没有,可选:放入 {folder}"),
    "unusable": Phrase("Found, but not usable:", "見つかりましたが使えません:", "已找到,但不能使用:"),
    "download_choice": Phrase("File to download", "ダウンロードするファイル", "要下载的文件"),
    "non_commercial": Phrase(
        "No commercial use. Tick the box below to accept that before the download.",
        "商用利用はできません。ダウンロードの前に、下の欄で同意してください。",
        "禁止商业使用。下载前请勾选下面的选项表示同意。"),
    "accept": Phrase(
        "I have read the licence and use the file for no commercial purpose",
        "ライセンスを読み、商用利用しません", "我已阅读许可,不用于商业目的"),
    "download": Phrase("Download", "ダウンロード", "下载"),
    "stop": Phrase("Stop", "中止", "停止"),
    "import_path": Phrase(
        "Import a file: its path on the computer that runs the WebUI",
        "ファイルの取り込み: WebUI が動くコンピューター上のパス", "导入文件:运行 WebUI 的电脑上的路径"),
    "import": Phrase("Import", "取り込む", "导入"),
    "no_path": Phrase("Give the path of a file first.", "先にファイルのパスを入れてください。", "请先填写文件路径。"),
    "busy": Phrase("{name} is still on its way: wait, or stop it.", "{name} を処理中です。待つか、中止してください。",
                   "{name} 仍在进行:请等待,或停止它。"),
    "transferring": Phrase("{name}: {done} of {total}", "{name}: {done} / {total}", "{name}:{done} / {total}"),
    "transferred": Phrase("Done: {path}", "完了: {path}", "完成:{path}"),
    "models_closed": Phrase(
        "Download and import are off because this WebUI is open to other computers (--listen, --share). Put the files "
        "into the folders above by hand, or start with --enable-insecure-extension-access.",
        "この WebUI は他のコンピューターに公開されているため(--listen、--share)、ダウンロードと取り込みはできません。"
        "上のフォルダーに手で置くか、--enable-insecure-extension-access で起動してください。",
        "此 WebUI 对其他电脑开放(--listen、--share),因此不能下载和导入。请手动把文件放入上面的文件夹,"
        "或用 --enable-insecure-extension-access 启动。"),
    "option_prediction": Phrase(
        "Prediction type of checkpoints that do not say", "予測の種類が書かれていないチェックポイントの扱い",
        "未注明预测类型的模型按何种处理"),
    "option_models_dir": Phrase(
        "Folder of reference encoders", "参照エンコーダーのフォルダー", "参考编码器的文件夹"),
    "option_models_dir_help": Phrase(
        "empty = what --colorize-models-dir says, else models/ColorizeDiffusion",
        "空 = --colorize-models-dir、なければ models/ColorizeDiffusion",
        "留空 = --colorize-models-dir,否则 models/ColorizeDiffusion"),
    "option_encoder": Phrase("Reference encoder to use", "使用する参照エンコーダー", "使用的参考编码器"),
    "option_encoder_help": Phrase(
        "name or path of one of the files found; empty = the best one",
        "見つかったファイルの名前かパス。空 = 最適なもの", "找到的文件的名称或路径;留空 = 最合适的"),
    "option_mirror": Phrase("Mirror for downloads", "ダウンロードのミラー", "下载镜像"),
    "option_mirror_help": Phrase(
        "an address such as https://hf-mirror.com, tried first; empty = the publisher",
        "https://hf-mirror.com のようなアドレス。最初に試します。空 = 公開元",
        "如 https://hf-mirror.com,会先尝试;留空 = 发布者"),
    "option_language": Phrase("Language of the panel", "パネルの言語", "面板语言"),
}
