//! Distances to the nearest of a set, and the training radius.

use hydrometer_metrics::geometry::*;
use rand::Rng;

use super::near;
use crate::support::{normal, random};

fn vectors(count: usize, size: usize, random: &mut impl Rng) -> Vec<Vec<f32>> {
    (0..count).map(|_| (0..size).map(|_| normal(random) as f32).collect()).collect()
}

fn cosine_distance(x: &[f32], y: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    1.0 - dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()
}

#[test]
fn the_nearest_are_found_among_all() {
    let mut random = random(7);
    for (count, size, k) in [(11, 3, 10), (200, 37, 10), (70, 64, 1)] {
        let (set, queries) = (vectors(count, size, &mut random), vectors(20, size, &mut random));
        let check = |found: f64, mut expected: Vec<f64>| {
            expected.sort_by(f64::total_cmp);
            near(found, expected[..k].iter().sum::<f64>() / k as f64, 2e-6);
        };
        for (query, found) in queries.iter().zip(nearest(&set, &queries, k, 64)) {
            check(found, set.iter().map(|point| cosine_distance(query, point)).collect());
        }
        for (place, found) in others(&set, k).into_iter().enumerate() {
            let rest = set.iter().enumerate().filter(|&(other, _)| other != place);
            check(found, rest.map(|(_, point)| cosine_distance(&set[place], point)).collect());
        }
    }
}

/// d_k of queries whose set passes in blocks of this size.
fn nearest(set: &[Vec<f32>], queries: &[Vec<f32>], k: usize, block: usize) -> Vec<f64> {
    let mut nearest = Nearest::new(Points::new(queries).unwrap(), vec![None; queries.len()], k).unwrap();
    for (place, block_of) in set.chunks(block).enumerate() {
        nearest.take(&Points::new(block_of).unwrap(), place * block).unwrap();
    }
    nearest.distances().unwrap()
}

/// d_k of every vector of a set among the others.
fn others(set: &[Vec<f32>], k: usize) -> Vec<f64> {
    let points = Points::new(set).unwrap();
    let mut nearest = Nearest::new(points.clone(), (0..set.len()).map(Some).collect(), k).unwrap();
    nearest.take(&points, 0).unwrap();
    nearest.distances().unwrap()
}

#[test]
fn blocks_do_not_change_a_distance_by_a_bit() {
    let mut random = random(11);
    // 1,024 coordinates as hashed n-grams have them; 37 leave a rest behind whole lanes.
    for size in [37, 1024] {
        let (set, queries) = (vectors(301, size, &mut random), vectors(23, size, &mut random));
        let whole = nearest(&set, &queries, NEIGHBOURS, set.len());
        for block in [1, 7, 64, 100, 300] {
            assert_eq!(nearest(&set, &queries, NEIGHBOURS, block), whole, "blocks of {block}");
        }
        for (query, whole) in queries.iter().zip(&whole) {
            assert_eq!(nearest(&set, std::slice::from_ref(query), NEIGHBOURS, 300), [*whole], "by itself");
        }
    }
}

#[test]
fn a_copy_is_a_neighbour_and_oneself_is_none() {
    let set = [vec![1.0_f32, 0.0], vec![2.0, 0.0], vec![0.0, 1.0]];
    near(others(&set, 1)[0], 0.0, 1e-7);
    let found = others(&set, 2);
    near(found[0], 0.5, 1e-7);
    near(found[2], 1.0, 1e-7);
    assert_eq!(mean_distance([0.1, 0.2], 3), None);
    assert_eq!(mean_distance([0.1, 0.2], 0), None);
    let points = Points::new(&set).unwrap();
    let mut three = Nearest::new(points.clone(), vec![Some(0), Some(1), Some(2)], 3).unwrap();
    three.take(&points, 0).unwrap();
    assert_eq!(three.distances().unwrap_err(), GeometryError::TooFew { k: 3, found: 2 });
    assert!(matches!(Nearest::new(points.clone(), vec![None; 3], 0), Err(GeometryError::Setting { name: "k", .. })));
    assert!(matches!(Nearest::new(points.clone(), Vec::new(), 1), Err(GeometryError::Setting { .. })));
    let mut other = Nearest::new(points, vec![None; 3], 1).unwrap();
    let wider = other.take(&Points::new(&[[1.0_f32; 3]]).unwrap(), 5).unwrap_err().to_string();
    assert_eq!(wider, "vector 5: expected 2 coordinates as in the queries, found 3");
}

#[test]
fn the_unit_is_the_95_per_cent_quantile() {
    let distances: Vec<f64> = (0..=100).rev().map(|d| f64::from(d) / 100.0).collect();
    near(training_unit(&distances).unwrap(), 0.95, 1e-12);
    assert_eq!(training_unit(&[]), None);
    assert_eq!(training_unit(&[0.0; 5]), None);
    assert_eq!(training_unit(&[0.1, f64::NAN]), None);
}

#[test]
fn the_unit_of_a_knob_is_the_least_value_with_95_per_cent_within() {
    let check = |values: &[(f64, usize)], expected: Option<f64>| {
        let values: Vec<f64> = values.iter().flat_map(|&(value, times)| vec![value; times]).collect();
        assert_eq!(knob_unit(&values), expected, "{values:?}");
    };
    check(&[(5.0, 1)], Some(5.0));
    check(&[(8.0, 1), (1.0, 10), (3.0, 9)], Some(3.0));
    check(&[(8.0, 2), (1.0, 10), (3.0, 9)], Some(8.0));
    // A mean of two values would be no number of steps that anybody was trained to.
    check(&[(1.0, 95), (12.0, 5)], Some(1.0));
    check(&[(1.0, 94), (12.0, 6)], Some(12.0));
    check(&[(0.0, 95), (2.0, 5)], None);
    check(&[], None);
    check(&[(1.0, 3), (f64::NAN, 1)], None);
}

#[test]
fn far_prompts_have_larger_radii() {
    let mut random = random(3);
    let around = |axis: usize, noise: f32, random: &mut _| {
        let mut vector = vectors(1, 48, random).remove(0);
        vector.iter_mut().for_each(|x| *x *= noise);
        vector[axis] += 20.0;
        vector
    };
    let set: Vec<Vec<f32>> = (0..400).map(|_| around(0, 1.0, &mut random)).collect();
    let unit = training_unit(&others(&set, NEIGHBOURS)).unwrap();
    let radius = |vector: Vec<f32>| nearest(&set, &[vector], NEIGHBOURS, 64)[0] / unit;
    let inside: Vec<f64> = (0..200).map(|_| radius(around(0, 1.0, &mut random))).collect();
    let share = inside.iter().filter(|&&radius| radius <= 1.0).count() as f64 / 200.0;
    assert!((0.88..=0.99).contains(&share), "{share}");
    assert!(radius(around(0, 2.0, &mut random)) > 1.0);
    assert!(radius(around(1, 1.0, &mut random)) > 2.0);
}
