-- What the nights found, most lost die first.
SELECT state, finding, round(lost_good_die) AS lost_good_die, first_found_on, last_found_on, excursion_id
FROM gold.excursion
ORDER BY state = 'ended', gold.excursion.lost_good_die DESC
