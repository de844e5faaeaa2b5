//! `redstart cluster`: what the nodes of a cluster say, side by side, and where they disagree.

mod report;
mod seeds;
mod survey;
mod table;

use std::process::ExitCode;

use crate::arguments::{ClusterArguments, ClusterCommand};
use crate::exec::UNREACHABLE;
use crate::output::{Style, print_line, report};
use crate::serving;
use survey::{Survey, SurveyError};

/// Asks every node, and prints what was asked for.
pub(crate) fn run(command: &ClusterCommand) -> ExitCode {
    let arguments = command.arguments();
    match survey(arguments) {
        Ok(survey) => {
            print(command, &survey);
            ExitCode::from(u8::from(!survey.disagreements.is_empty()))
        }
        Err(error) => {
            report(&format!("redstart: {error}"));
            ExitCode::from(match error {
                SurveyError::Unreachable(_) => UNREACHABLE,
                _ => 1,
            })
        }
    }
}

fn survey(arguments: &ClusterArguments) -> Result<Survey, SurveyError> {
    let seeds = seeds::Seeds::parse(&arguments.url)?;
    let runtime = serving::runtime().map_err(SurveyError::System)?;
    let survey = runtime.block_on(Survey::of(seeds));
    serving::end(runtime);
    survey
}

fn print(command: &ClusterCommand, survey: &Survey) {
    if command.arguments().json {
        let json = match command {
            ClusterCommand::Info(_) => report::info_json(survey),
            ClusterCommand::Nodes(_) => report::nodes_json(survey),
            ClusterCommand::Slots(_) => report::slots_json(survey),
        };
        print_line(&json.to_string());
        return;
    }
    let style = Style::of_stdout();
    let lines = match command {
        ClusterCommand::Info(_) => report::info(survey, style),
        ClusterCommand::Nodes(_) => report::nodes(survey, style),
        ClusterCommand::Slots(_) => report::slots(survey, style),
    };
    lines.iter().for_each(|line| print_line(line));
    if survey.disagreements.is_empty() {
        return;
    }
    print_line("");
    print_line(&style.yellow("Not agreed:"));
    for disagreement in &survey.disagreements {
        print_line(&format!("  {disagreement}"));
    }
}
