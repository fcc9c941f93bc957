"""Everything else that the panel and its settings page say, in English, Japanese and Chinese."""

from __future__ import annotations

from .language import Phrase

PHRASES = {
    "reference": Phrase("Reference: its colours are used", "参照画像: この色で塗ります", "参考图:使用它的颜色"),
    "sketch": Phrase("Sketch (or img2img's)", "線画(または img2img)", "线稿(或 img2img)"),
    "sketch_txt2img": Phrase("Sketch", "線画", "线稿"),
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
    "preview_button": Phrase("Show what the model will see", "モデルが見る線画を表示", "显示模型看到的线稿"),
    "preview": Phrase("What the model will see", "モデルが見る線画", "模型看到的线稿"),
    "advanced": Phrase("Advanced", "詳細設定", "高级"),
    "lacks_clip": Phrase(
        "The chosen checkpoint's encoder knows no texts: a released checkpoint, with CLIP beside it, does.",
        "選ばれたチェックポイントのエンコーダーはテキストを知りません。CLIP を使う公開チェックポイントが必要です。",
        "所选模型的编码器不认识文本:需要使用 CLIP 的发布模型。"),
    "lacks_kind": Phrase(
        "Not with the chosen checkpoint: {names} (only {kinds}).",
        "選ばれたチェックポイントでは使えません: {names}({kinds} のみ)。",
        "所选模型不支持:{names}(仅 {kinds})。"),
    "masks": Phrase("Figure and background", "人物と背景", "人物与背景"),
    "sketch_mask": Phrase(
        "Mask of the sketch: white = figure", "線画のマスク: 白 = 人物", "线稿的蒙版:白 = 人物"),
    "reference_mask": Phrase(
        "Mask of the reference: white = figure", "参照のマスク: 白 = 人物", "参考图的蒙版:白 = 人物"),
    "background": Phrase("Picture for the background", "背景にする画像", "用作背景的图片"),
    "references": Phrase("Several references", "複数の参照画像", "多张参考图"),
    "reference_region": Phrase(
        "Region of the first: white = where it acts, of the sketch's shape",
        "1 枚目の範囲: 白 = 効く場所(線画と同じ形)", "第一张的范围:白 = 起作用的地方,与线稿同形"),
    "reference_2": Phrase("Second reference", "2 枚目の参照画像", "第二张参考图"),
    "reference_2_region": Phrase("Region of the second", "2 枚目の範囲", "第二张的范围"),
    "reference_3": Phrase("Third reference", "3 枚目の参照画像", "第三张参考图"),
    "reference_3_region": Phrase("Region of the third", "3 枚目の範囲", "第三张的范围"),
    "reference_4": Phrase("Fourth reference", "4 枚目の参照画像", "第四张参考图"),
    "reference_4_region": Phrase("Region of the fourth", "4 枚目の範囲", "第四张的范围"),
    "finish": Phrase("Finishing", "仕上げ", "成品"),
    "hints": Phrase(
        "Hints: strokes of colour over the sketch, of its size", "色の指示: 線画の上の色の線や点(線画と同じ大きさ)",
        "颜色提示:画在线稿上的色线或色点,与线稿同尺寸"),
    "palette": Phrase(
        "Palette: .gpl, .ase, .aco or a picture of colours", "パレット: .gpl、.ase、.aco、または色の画像",
        "调色板:.gpl、.ase、.aco 或颜色图片"),
    "layer_files": Phrase(
        "Layers of the last result", "最後の結果のレイヤー", "最近结果的图层"),
    "injection": Phrase("Attention injection", "アテンションの注入", "注意力注入"),
    "heat_map_button": Phrase(
        "Show what the text finds in the reference", "テキストが参照のどこを指すか見る",
        "查看文本在参考图中找到的地方"),
    "heat_map": Phrase("What the text finds", "テキストが指すところ", "文本找到的地方"),
    "no_reference": Phrase(
        "There is no reference: put one into the reference box.", "参照画像がありません。参照欄に入れてください。",
        "没有参考图:请放入参考图框。"),
    "no_text": Phrase(
        "There is no text to look for: fill one of the three fields above.",
        "探すテキストがありません。上の 3 つの欄のどれかに入れてください。",
        "没有要找的文本:请填写上面三个框之一。"),
    "text": Phrase("Changes of the reference by text", "テキストで参照を変える", "用文本改变参考图"),
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
    "size_unused": Phrase(
        "Not looked at: the size follows the sketch (ColorizeDiffusion, Size from the sketch)",
        "使われません: 大きさは線画から決まります(ColorizeDiffusion「線画から大きさを決める」)",
        "不起作用:尺寸随线稿(ColorizeDiffusion 的「尺寸随线稿」)"),
    "not_pasted": Phrase(
        "Not pasted, and left as it was: {problems}", "貼り付けず、そのままにしました: {problems}",
        "未粘贴,保持原样:{problems}"),
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
    "models_in_use": Phrase(
        "The chosen checkpoint has all that it needs.", "選ばれたチェックポイントに必要なものはそろっています。",
        "所选模型所需的文件都有了。"),
    "models_others": Phrase(
        "Other files that can be used here, none of them needed ({count})",
        "ここで使えるほかのファイル(どれも必須ではありません、{count} 件)",
        "可在此使用的其他文件(都不是必需的,{count} 个)"),
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
