"""Two colouring pages drawn for this project, as SVG: what people draw and emojis are not. CC0 1.0."""

from __future__ import annotations

FRAME = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><g fill="#ffffff" stroke="#000000" '
         'stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round">{shapes}</g></svg>')


def path(d: str) -> str:
    """A closed or open line, white inside."""
    return f'<path d="{d}"/>'


def line(d: str) -> str:
    """A line that fills nothing."""
    return f'<path fill="none" d="{d}"/>'


def ellipse(x: float, y: float, rx: float, ry: float) -> str:
    """With its middle at (x, y)."""
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}"/>'


def box(x: float, y: float, w: float, h: float) -> str:
    """With its upper left corner at (x, y)."""
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}"/>'


def dot(x: float, y: float, r: float) -> str:
    """Black."""
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="#000000"/>'


def flower(x: float, y: float) -> str:
    """Five petals on a stalk."""
    petals = ((0, -11), (10, -4), (6, 8), (-6, 8), (-10, -4))
    return line(f"M{x} {y + 12}V{y + 46}M{x} {y + 34}q12 -2 16 -12") + "".join(
        ellipse(x + dx, y + dy, 8, 8) for dx, dy in petals) + ellipse(x, y, 6, 6)


def farm() -> str:
    """A house and a tree before hills, sun and clouds; lines of 3 px at 512 px."""
    sky = [ellipse(424, 84, 38, 38), line("M424 30V14M424 138v16M370 84h-16M478 84h16M386 46l-11 -11M462 46l11 -11"
                                          "M386 122l-11 11M462 122l11 11"),
           path("M58 118c-26 0 -32 -34 -4 -38c2 -28 40 -34 52 -12c22 -12 44 8 34 26c20 4 18 24 0 24Z"),
           path("M246 74c-20 0 -22 -24 -4 -26c4 -20 32 -22 40 -6c18 -6 30 8 24 18c14 4 10 14 0 14Z"),
           line("M196 128q9 -11 18 0q9 -11 18 0M252 146q7 -9 14 0q7 -9 14 0")]
    hills = [path("M-8 262C60 186 130 176 214 238C286 168 372 160 520 246V420H-8Z"),
             path("M-8 322C110 268 214 290 290 312C380 282 462 286 520 306V520H-8Z"),
             path("M250 330C236 360 282 372 258 412C236 450 196 470 168 520H306C318 462 330 440 322 408"
                  "C314 376 276 362 284 328Z")]
    house = [box(330, 158, 26, 58), path("M338 150c-10 -14 10 -20 4 -34c14 6 22 18 10 34Z"),
             box(244, 232, 168, 100), path("M226 236L278 168H378L430 236Z"), box(306, 268, 40, 64), dot(338, 302, 3),
             box(258, 256, 34, 34), line("M275 256V290M258 273H292"), box(364, 256, 34, 34),
             line("M381 256V290M364 273H398"), line("M252 212H406M266 192H392")]
    tree = [path("M92 300C100 336 96 372 78 402H146C128 372 126 336 134 298Z"),
            path("M112 316C76 330 40 312 46 278C14 262 20 218 52 212C52 172 104 160 122 184"
                 "C154 166 190 188 184 220C212 236 204 280 174 286C172 316 138 328 112 316Z"),
            ellipse(82, 240, 10, 11), ellipse(132, 222, 10, 11), ellipse(146, 268, 10, 11), ellipse(98, 284, 10, 11)]
    posts = [path(f"M{x} 356l12 -12l12 12V430H{x}Z") for x in range(346, 500, 38)]
    fence = [box(336, 372, 184, 12), box(336, 402, 184, 12), *posts]
    flowers = [flower(58, 444), flower(112, 462)]
    return FRAME.format(width=3, shapes="".join((*sky, *hills, *house, *tree, *fence, *flowers)))


def walk() -> str:
    """A girl with scarf and satchel, and her cat; lines of 3.5 px at 512 px."""
    back = [path("M150 142C132 214 140 262 160 284C196 300 274 300 304 280C326 254 328 206 308 140Z"),
            line("M0 478H512")]
    legs = [path("M190 380L194 446H226L228 380Z"), path("M240 380L244 446H276L276 380Z"),
            path("M192 440H228V478H166C164 460 178 452 192 450Z"),
            path("M242 440H278V450C294 452 306 460 304 478H242Z")]
    coat = [path("M188 250C172 286 160 340 152 392C200 408 268 408 316 392C308 340 296 286 280 250Z"),
            path("M186 258C158 276 140 306 132 344L160 354C168 326 178 306 192 290Z"),
            path("M282 258C310 272 340 262 362 236L380 260C354 296 318 310 282 298Z"),
            path("M132 344C122 352 122 368 134 374C148 378 158 368 160 354Z"),
            path("M362 236C366 222 382 218 390 230C396 242 392 254 380 260Z"),
            line("M234 270V401"), dot(246, 300, 4), dot(246, 330, 4), dot(246, 360, 4)]
    bag = [line("M272 262L186 342"), path("M142 330L206 320L214 372L150 382Z"),
           path("M142 330L206 320L202 346L152 354Z"),
           box(172, 338, 14, 14)]
    head = [path("M168 156C166 226 198 254 234 254C270 254 302 226 300 156Z"),
            path("M160 176C158 150 172 136 192 134L276 134C298 138 310 152 308 176C288 178 268 168 258 152"
                 "C238 172 190 178 160 176Z"), ellipse(208, 198, 7, 10), dot(209, 200, 4), ellipse(262, 198, 7, 10),
            dot(261, 200, 4), line("M198 182q10 -7 20 0M252 182q10 -7 20 0M234 204l-4 12h8"),
            line("M218 228q17 12 34 0")]
    scarf = [path("M182 240C210 262 258 262 288 240L294 266C262 288 206 288 176 266Z"),
             path("M252 276L286 268L304 340L272 348Z"), line("M258 298L292 290M264 322L298 314")]
    hat = [path("M152 142C152 92 190 62 234 62C278 62 316 92 316 142Z"),
           path("M140 138H328C336 138 336 160 328 160H140C132 160 132 138 140 138Z"), ellipse(234, 52, 20, 18),
           line("M196 72C186 92 184 116 186 138M272 72C282 92 284 116 282 138M234 70V138")]
    cat = [path("M434 470C478 462 492 420 470 396C462 388 450 396 456 406C466 424 456 440 430 446Z"),
           path("M372 478C358 432 366 396 392 384C424 384 444 420 440 478Z"),
           path("M398 420C384 436 384 462 392 478H420C424 456 420 434 398 420Z"),
           path("M354 366L348 322L374 336C384 332 398 332 408 336L434 322L428 366C420 396 362 396 354 366Z"),
           dot(378, 360, 4), dot(404, 360, 4), path("M386 370H396L391 377Z"),
           line("M391 377V384M358 372l-20 -4M358 378l-20 4M424 372l20 -4M424 378l20 4")]
    return FRAME.format(width=3.5, shapes="".join((*back, *legs, *coat, *bag, *head, *scarf, *hat, *cat)))


PAGES = {"farm": farm, "walk": walk}
