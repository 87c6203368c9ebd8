/* SPDX-License-Identifier: Apache-2.0 */
/* The hands: each carries out changes of one site, beside the others. */
#include <errno.h>

#include "daemon/control/changer_inside.h"

static void *run_hand(void *arg)
{
	struct hand *h = arg;
	struct changer *c = h->changer;

	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!h->job && !c->is_ending)
			(void)pthread_cond_wait(&c->given, &c->lock);
		if (!h->job)
			break;
		struct changer_job *job = h->job;

		(void)pthread_mutex_unlock(&c->lock);
		changer_drop_dead_link(&h->work.link);
		(void)pthread_mutex_lock(&c->turn);
		h->work.is_left = false;
		changer_run_job(c, &h->work, &h->settings, job);
		if (link_is_open(&h->work.link) && !link_is_open(&c->work.link))
			c->connect_at = 0;	/* it is back */
		(void)pthread_mutex_unlock(&c->turn);
		(void)pthread_mutex_lock(&c->lock);
		h->job = NULL;
		c->busy--;
		(void)pthread_mutex_unlock(&c->lock);
		job->done(job);
		changer_wake(c);
		(void)pthread_mutex_lock(&c->lock);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

void changer_end_hands(struct changer *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->is_ending = true;
	(void)pthread_cond_broadcast(&c->given);
	(void)pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < CHANGER_HANDS; i++)
		if (c->hand[i].is_started)
			(void)pthread_join(c->hand[i].thread, NULL);
}

int changer_start_hands(struct changer *c, struct err *err)
{
	for (size_t i = 0; i < CHANGER_HANDS; i++) {
		struct hand *h = &c->hand[i];

		h->changer = c;
		h->work = (struct work){ .settings = &h->settings, .store = c->work.store,
					 .turn = &c->turn };
		link_init(&h->work.link, CHANGER_QUICK_MS, CHANGER_BUILD_MS);
		errno = pthread_create(&h->thread, NULL, run_hand, h);
		if (errno != 0)
			return err_sys(err, "thread of the changes");
		h->is_started = true;
	}
	return 0;
}
