//! The little of SVG that our icons are written in: paths, circles and rounded rectangles, all drawn with a pen. A library for all of SVG
//! would be a tenth of the program.

use iced::widget::canvas::Path;
use iced::widget::canvas::path::Builder;
use iced::widget::canvas::path::lyon_path::builder::SvgPathBuilder;
use iced::widget::canvas::path::lyon_path::{self, ArcFlags, Event, geom::Angle, math};
use iced::{Point, Size};

/// One line of the pen, in the units of the drawing.
pub(super) struct Line {
    pub(super) path: Path,
    pub(super) width: f32,
    /// Lengths that are drawn and left out by turns; without any the line is whole.
    pub(super) dashes: Vec<f32>,
}

/// What a drawing consists of; `None` if it is written in more of SVG than this knows.
pub(super) fn lines(svg: &str) -> Option<Vec<Line>> {
    let tags = svg.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
    let mut pen = 1.0;
    let mut lines = Vec::new();
    for tag in tags.filter(|tag| !tag.starts_with('/')) {
        let number = |name: &str| attribute(tag, name)?.parse::<f32>().ok();
        let path = match tag.split_whitespace().next()? {
            "svg" => {
                pen = number("stroke-width")?;
                continue;
            }
            "path" => outline(attribute(tag, "d")?)?,
            "circle" => Path::circle(Point::new(number("cx")?, number("cy")?), number("r")?),
            "rect" => {
                let corner = Point::new(number("x")?, number("y")?);
                Path::rounded_rectangle(corner, Size::new(number("width")?, number("height")?), number("rx")?.into())
            }
            _ => return None,
        };
        let dashes =
            attribute(tag, "stroke-dasharray").unwrap_or_default().split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        lines.push(Line { path, width: number("stroke-width").unwrap_or(pen), dashes });
    }
    Some(lines)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let begin = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[begin..].split('"').next()
}

/// The path that these letters and numbers describe.
fn outline(text: &str) -> Option<Path> {
    let mut path = lyon_path::Path::builder().with_svg();
    let mut rest = text.trim_start();
    while let Some(command) = rest.chars().next() {
        rest = &rest[command.len_utf8()..];
        let mut numbers = Vec::new();
        while let Some((number, after)) = first_number(rest) {
            numbers.push(number);
            rest = after;
        }
        follow(&mut path, command, &numbers)?;
    }
    let path = path.build();
    Some(Path::new(|builder| path.iter().for_each(|event| draw(builder, event))))
}

/// A number at the beginning, and what comes after it: `-` and a second `.` begin another one.
fn first_number(text: &str) -> Option<(f32, &str)> {
    let text = text.trim_start_matches([' ', ',']);
    let mut has_point = false;
    let end = text.char_indices().find(|(place, character)| match character {
        '0'..='9' => false,
        '-' => *place > 0,
        '.' => std::mem::replace(&mut has_point, true),
        _ => true,
    });
    let (number, after) = text.split_at(end.map_or(text.len(), |(place, _)| place));
    Some((number.parse().ok()?, after.trim_start_matches([' ', ','])))
}

/// Small letters count from where the pen is.
fn follow(path: &mut impl SvgPathBuilder, command: char, numbers: &[f32]) -> Option<()> {
    let length = match command.to_ascii_lowercase() {
        'm' | 'l' => 2,
        'h' | 'v' => 1,
        's' => 4,
        'c' => 6,
        'a' => 7,
        'z' => {
            path.close();
            return numbers.is_empty().then_some(());
        }
        _ => return None,
    };
    let steps = numbers.chunks_exact(length);
    if numbers.is_empty() || !steps.remainder().is_empty() {
        return None;
    }
    for (place, step) in steps.enumerate() {
        match command {
            // Further pairs are lines.
            'M' if place == 0 => path.move_to(point(step)),
            'm' if place == 0 => path.relative_move_to(vector(step)),
            'M' | 'L' => path.line_to(point(step)),
            'm' | 'l' => path.relative_line_to(vector(step)),
            'H' => path.horizontal_line_to(step[0]),
            'h' => path.relative_horizontal_line_to(step[0]),
            'V' => path.vertical_line_to(step[0]),
            'v' => path.relative_vertical_line_to(step[0]),
            'S' => path.smooth_cubic_bezier_to(point(step), point(&step[2..])),
            's' => path.smooth_relative_cubic_bezier_to(vector(step), vector(&step[2..])),
            'C' => path.cubic_bezier_to(point(step), point(&step[2..]), point(&step[4..])),
            'c' => path.relative_cubic_bezier_to(vector(step), vector(&step[2..]), vector(&step[4..])),
            'A' => path.arc_to(vector(step), Angle::degrees(step[2]), flags(step), point(&step[5..])),
            'a' => path.relative_arc_to(vector(step), Angle::degrees(step[2]), flags(step), vector(&step[5..])),
            _ => return None,
        }
    }
    Some(())
}

fn point(numbers: &[f32]) -> math::Point {
    math::point(numbers[0], numbers[1])
}

fn vector(numbers: &[f32]) -> math::Vector {
    math::vector(numbers[0], numbers[1])
}

fn flags(numbers: &[f32]) -> ArcFlags {
    ArcFlags { large_arc: numbers[3] > 0.5, sweep: numbers[4] > 0.5 }
}

fn draw(builder: &mut Builder, event: lyon_path::PathEvent) {
    let point = |at: math::Point| Point::new(at.x, at.y);
    match event {
        Event::Begin { at } => builder.move_to(point(at)),
        Event::Line { to, .. } => builder.line_to(point(to)),
        Event::Quadratic { ctrl, to, .. } => builder.quadratic_curve_to(point(ctrl), point(to)),
        Event::Cubic { ctrl1, ctrl2, to, .. } => builder.bezier_curve_to(point(ctrl1), point(ctrl2), point(to)),
        Event::End { close: true, .. } => builder.close(),
        Event::End { close: false, .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, first_number, lines, outline};

    #[test]
    fn numbers_stand_close_together() {
        assert_eq!(first_number("1.5-2"), Some((1.5, "-2")));
        assert_eq!(first_number("-.5.25"), Some((-0.5, ".25")));
        assert_eq!(first_number(" 3, 4"), Some((3.0, "4")));
        assert_eq!(first_number("z"), None);
    }

    /// First and last corner of what is drawn, as it is rounded to a tenth.
    fn ends(text: &str) -> [i32; 4] {
        let path = outline(text).expect("it is understood");
        let points: Vec<_> = path.raw().iter().map(|event| [event.from(), event.to()]).collect();
        let (first, last) = (points[0][0], points[points.len() - 1][0]);
        [first.x, first.y, last.x, last.y].map(|number| (number * 10.0).round() as i32)
    }

    #[test]
    fn the_pen_goes_where_it_is_told() {
        assert_eq!(ends("M1 2h3v-1l.5.5"), [10, 20, 45, 15]);
        assert_eq!(ends("M1 2H5V4L6 7 8 9"), [10, 20, 80, 90]);
        assert_eq!(ends("m1 2 3 4"), [10, 20, 40, 60], "a line after the first step");
        assert_eq!(ends("M4 14a8 8 0 0 1 16 0"), [40, 140, 200, 140]);
        assert_eq!(ends("M4 14A8 8 0 0 1 20 14"), [40, 140, 200, 140]);
        assert_eq!(ends("M0 0c1 1 2 2 3 0s1 1 2 2"), [0, 0, 50, 20]);
        assert_eq!(ends("M0 0C1 1 2 2 3 0S1 1 2 2"), [0, 0, 20, 20]);
    }

    /// The corners of the smallest upright rectangle around what is drawn, likewise.
    fn bounds(svg: &str) -> [i32; 4] {
        let drawn = lines(svg).expect("it is understood");
        let points = drawn.iter().flat_map(|line| line.path.raw().iter()).flat_map(|event| [event.from(), event.to()]);
        let (mut least, mut most) = ([f32::MAX; 2], [f32::MIN; 2]);
        for point in points.map(|point| [point.x, point.y]) {
            for axis in [0, 1] {
                (least[axis], most[axis]) = (least[axis].min(point[axis]), most[axis].max(point[axis]));
            }
        }
        [least[0], least[1], most[0], most[1]].map(|number| (number * 10.0).round() as i32)
    }

    #[test]
    fn circles_and_rectangles_stand_where_they_are_written() {
        let svg = |content: &str| format!(r#"<svg stroke-width="1">{content}</svg>"#);
        assert_eq!(bounds(&svg(r#"<circle cx="4" cy="9" r="2"/>"#)), [20, 70, 60, 110]);
        assert_eq!(bounds(&svg(r#"<rect x="3" y="5" width="7" height="11" rx="1"/>"#)), [30, 50, 100, 160]);
    }

    #[test]
    fn what_is_closed_ends_where_it_began() {
        let closed =
            |text: &str| outline(text).expect("it is understood").raw().iter().any(|event| matches!(event, Event::End { close: true, .. }));
        assert!(closed("M1 2h3v4z") && closed("M1 2h3v4Z") && !closed("M1 2h3v4"));
        assert!(outline("M1 2z3").is_none());
    }

    #[test]
    fn of_an_arc_the_long_way_and_its_side_are_as_written() {
        let around = |flags: &str| bounds(&format!(r#"<svg stroke-width="1"><path d="M0 0A5 5 0 {flags} 5 5"/></svg>"#));
        assert_eq!([around("0 0"), around("0 1")], [[0, 0, 50, 50], [0, 0, 50, 50]]);
        assert_eq!(around("1 0"), [-50, 0, 50, 100]);
        assert_eq!(around("1 1"), [0, -50, 100, 50]);
    }

    #[test]
    fn a_drawing_keeps_its_pen_and_its_dashes_and_more_of_svg_is_not_guessed() {
        let svg = |content: &str| format!(r#"<svg stroke-width="1.8">{content}</svg>"#);
        let drawn = lines(&svg(r#"<circle cx="1" cy="2" r="3" stroke-dasharray="3 4"/><path d="M0 0h1" stroke-width="2.6"/>"#));
        let drawn = drawn.expect("it is understood");
        assert_eq!((drawn[0].width, drawn[0].dashes.as_slice()), (1.8, [3.0, 4.0].as_slice()));
        assert_eq!((drawn[1].width, drawn[1].dashes.is_empty()), (2.6, true));
        for other in [r#"<text x="1">a</text>"#, r#"<path d="M0 0q1 1 2 2"/>"#, r#"<path d="M0"/>"#, r#"<circle r="1"/>"#] {
            assert!(lines(&svg(other)).is_none(), "{other}");
        }
    }
}
