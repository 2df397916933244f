/* SPDX-License-Identifier: Apache-2.0
 * experiment_test.c - what a shadow may say of an experiment, and what becomes of its judge. */
#include <stdio.h>

#include "test/unit/route/rig.h"

#define SHADOW(more, experiment) "{" more "\"strategy\":{\"mode\":\"shadow\",\"experiment\":" experiment "},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]}"
#define JUDGE "{\"provider\":\"j\",\"model\":\"m\",\"dropParams\":[\"temperature\"]}"

TEST(an_experiment_is_read)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, SHADOW("", "{\"name\":\"cheaper-1\",\"percent\":10,\"judge\":" JUDGE ",\"question\":\"Is it right?\"}"))) {
        const struct experiment *e = g.route->experiment;
        CHECK(e != NULL);
        CHECK_SPAN(e->name, SPAN("cheaper-1"));
        CHECK_INT(e->percent, 10);
        CHECK_SPAN(e->question, SPAN("Is it right?"));
        CHECK_SPAN(e->judge_model, SPAN("m"));
    }
    route_rig_free(&g);
}

/* The judge hears what the shadow hears, and is bound to what the route says of that. */
TEST(a_judge_is_a_route_of_its_own)
{
    struct rig g, of_judge;
    char text[4096];
    route_rig_init(&g);
    route_rig_init(&of_judge);
    if (rig_read(&g, SHADOW("\"zero_retention\":true,\"input_guardrails\":[{\"default.contains\":{\"words\":[\"x\"]}}],", "{\"name\":\"n\",\"judge\":" JUDGE "}"))) {
        CHECK_INT(g.route->experiment->percent, 100);
        snprintf(text, sizeof(text), "%.*s", SPAN_ARG(g.route->experiment->judge));
        CHECK(rig_read(&of_judge, text));
        const struct target *t = of_judge.route->children[0].target;
        CHECK_SPAN(t->provider, SPAN("j"));
        CHECK_SPAN(t->model, SPAN("m"));
        CHECK(t->zero_retention);
        CHECK(t->input_guardrails != NULL);
        CHECK_INT(t->drop_count, 1);
        CHECK_INT(t->lose_count, 2);
    }
    route_rig_free(&g);
    route_rig_free(&of_judge);
}

TEST(what_cannot_be_meant_is_refused_by_name)
{
    REFUSED(SHADOW("", "3"), "experiment");
    REFUSED(SHADOW("", "{\"judge\":" JUDGE "}"), "experiment.name");
    REFUSED(SHADOW("", "{\"name\":\"a b\",\"judge\":" JUDGE "}"), "experiment.name");
    REFUSED(SHADOW("", "{\"name\":\"n\"}"), "experiment.judge");
    REFUSED(SHADOW("", "{\"name\":\"n\",\"judge\":{\"provider\":\"j\"}}"), "experiment.judge.model");
    REFUSED(SHADOW("", "{\"name\":\"n\",\"judge\":{\"provider\":\"j\",\"modle\":\"m\"}}"), "modle");
    REFUSED(SHADOW("", "{\"name\":\"n\",\"judge\":{\"strategy\":{\"mode\":\"race\"},\"targets\":[{\"model\":\"m\"},{\"model\":\"o\"}]}}"), "experiment.judge");
    REFUSED(SHADOW("", "{\"name\":\"n\",\"percent\":101,\"judge\":" JUDGE "}"), "experiment.percent");
    REFUSED(SHADOW("", "{\"name\":\"n\",\"judge\":" JUDGE ",\"question\":\"\"}"), "experiment.question");
    REFUSED("{\"strategy\":{\"mode\":\"fallback\",\"experiment\":{\"name\":\"n\",\"judge\":" JUDGE "}},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]}", "experiment means nothing to mode fallback");
}
