//! `reads tell FILE WARM` says what rust-stdf finds in a file, `reads time FILE WARM` how long it takes.

use rust_stdf::{stdf_file::StdfReader, StdfRecord};
use std::{env, fs, hint::black_box, time::Instant};

#[derive(Default)]
struct Told {
    ptr: u64,
    mpr: u64,
    ftr: u64,
    prr: u64,
    results: u64,
    arrays: u64,
    hard_bins: u64,
}

fn read(path: &str) -> Told {
    let mut told = Told::default();
    let mut reader = StdfReader::new(path).expect("a file that can be opened");
    for record in reader.get_record_iter() {
        let record = black_box(record.expect("a record that can be read"));
        match &record {
            StdfRecord::PTR(ptr) => {
                told.ptr += 1;
                told.results += u64::from(ptr.result.to_bits());
            }
            StdfRecord::MPR(mpr) => {
                told.mpr += 1;
                told.arrays += mpr.rtn_rslt.iter().map(|value| u64::from(value.to_bits())).sum::<u64>();
            }
            StdfRecord::FTR(_) => told.ftr += 1,
            StdfRecord::PRR(prr) => {
                told.prr += 1;
                told.hard_bins += u64::from(prr.hard_bin);
            }
            _ => {}
        }
    }
    told
}

fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("VmHWM");
    let kib = line.split_whitespace().nth(1).expect("a number");
    kib.parse::<f64>().expect("a number") / 1024.0
}

fn cpu_seconds() -> f64 {
    let told = fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanoseconds = told.split_whitespace().next().expect("a number");
    nanoseconds.parse::<f64>().expect("a number") / 1e9
}

fn main() {
    let words: Vec<String> = env::args().collect();
    let (mode, path, warm) = (&words[1], &words[2], &words[3]);
    if mode == "tell" {
        let told = read(path);
        println!(
            "{{\"PTR\": {}, \"MPR\": {}, \"FTR\": {}, \"PRR\": {}, \"RESULT\": {}, \"RTN_RSLT\": {}, \"HARD_BIN\": {}}}",
            told.ptr, told.mpr, told.ftr, told.prr, told.results, told.arrays, told.hard_bins
        );
        return;
    }
    black_box(read(warm));
    let (base, cpu, begin) = (peak_mib(), cpu_seconds(), Instant::now());
    black_box(read(path));
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!(
        "{{\"seconds\": {seconds}, \"cpu_seconds\": {cpu}, \"peak_mib\": {}, \"base_mib\": {base}}}",
        peak_mib()
    );
}
