"""Words of prompt injections by class, in English, German, French, Spanish and Ukrainian."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.lexicon import Table

__all__ = ["TABLES"]

_EN: Final[Table] = {
    "OVERRIDE": """
        comply_with~do_not do_not_comply don't_comply without_regard consider~void
        consider~expired ignore ignoring ignored disregard* forget forgetting forgot override
        overrid* bypass* skip discard* neglect drop erase abandon cancel* overwrite void nullify
        pay_no_attention stop_following don't_follow do_not_follow stop_obeying do_not_obey
        don't_obey set_aside throw_out throw_away leave_behind delete reset unlearn break
        dismiss scrap wipe cease treat rewrite get_rid_of shake_off cast_off ditch""",
    "INSTR": """
        instruction* prompt prompts rule rules guideline* directive* order orders command
        commands programming training policy policies constraint* restriction* configuration
        config setup system_message system_prompt system_text developer_message guardrail*
        limitations task briefing settings conditioning protocol* boundaries safeguards tuning
        mandate role preamble pre-prompt context""",
    "PRIOR": """
        previous previously prior above earlier before preceding initial original system all any
        every everything given foregoing existing old current so_far received default
        developer's operator's creators' hidden older former first standing""",
    "YOUR": "your ur thy yourself you've_been you_were you_have_been you_got you",
    "MINE": "my i_said i_asked i_wrote i_meant i_told i_sent step typo column draft noise question",
    "EVERYTHING": """
        what_the_developers what_your_developers what_openai what_they_told what_they_wrote
        text_that_came_before the_text_above whatever_your_creators
        in_front_of_this_conversation everything_above everything_before everything_you_were
        everything_you_have_been everything_you've everything_prior everything_so_far
        all_of_the_above the_above all_that_came_before whatever_you_were whatever_they_told
        whatever_came_before what_you_were_told what_they_told_you all_you_were_told
        anything_above anything_you_were everything_written everything_stated
        everything_in_this_conversation all_the_above everything_previously you_were_told_before""",
    "VOID": """
        a_joke just_a_joke rules_out in_force no_longer_in_force is_a_lie are_a_lie a_lie
        revoked invalid no_longer_relevant as_void has_been_suspended is_suspended
        were_never_invented is_off been_lifted expired void obsolete outdated null_and_void
        no_longer_apply no_longer_applies doesn't_apply do_not_apply don't_apply no_longer_valid
        no_longer_count not_apply have_changed has_changed are_cancelled is_cancelled
        no_longer_exist don't_count are_suspended no_longer_bind never_existed superseded
        replaced_by are_lifted is_lifted lifted are_off none are_void disabled deactivated
        suspended switched_off turned_off""",
    "OBEY": """
        my_messages_as_system mine_is_right follow_me_from from_here_on_follow your_real_job
        your_true_purpose agree_with_everything_i your_real_purpose before_they_put
        your_true_self i_overrule my_word_is_final i_am_your_developer i'm_your_developer
        i_am_the_developer i_created_you outranks outrank obey_only obey_me only_obey
        only_listen_to listen_only_to my_rules_now my_instructions_take take_precedence
        higher_priority_than you_now_work_for_me you_work_for_me new_instructions
        new_instruction new_orders new_system_prompt new_rule_one new_rules: i_am_your_new
        your_new_master your_new_boss your_new_task_is your_real_task your_only_task
        answer_only_to_me follow_my_instructions_instead instead_follow_these
        your_true_instructions updated_instructions from_now_on_obey rule_zero i'm_in_charge_now
        no_longer_have_to_stay no_longer_need_to no_longer_bound no_longer_required_to
        start_a_fresh_conversation_with_no""",
    "PROBE": """
        say what_does does_your put reply_with respond_with contents_of write_down send_it
        lay_out show print reveal repeat output tell display give dump leak share copy paste
        translate summari* convert list recite write spell quote disclose expose read return
        encode type echo what's what_is what_are which reproduce provide send describe rephrase
        paraphrase render state spill i_need continue complete start begin verbatim confess
        enumerate hand_over let_me_see rhyme""",
    "HIDDEN": """
        very_first opening top_of_your beginning_of_our foundational built-in pre-set preset
        predefined system hidden secret internal initial original confidential developer private
        undisclosed starting preloaded pre-loaded underlying full complete exact operator
        backstage behind_the_scenes own base entire""",
    "PROMPT": """
        config system_instructions instructions_above opening_instructions internal_rules orders
        constraints persona_description prompt prompts instruction* guideline* rules directives
        configuration system_message system_prompt system_text briefing preamble context_window
        message setup brief rulebook settings policy""",
    "TOLDYOU": """
        first_and_last_instruction were_you_told were_you_given were_you_instructed
        did_they_tell_you did_your_developers are_you_not_allowed can't_you_tell_me
        are_you_hiding before_my_message before_my_first_message hidden_text forbidden_you
        made_you_refuse you_were_asked_to_keep asked_to_keep_private put_in_front_of_this
        your_context before_we_started your_operator your_creators your_developers put_there_by
        operator_forbidden topics_has_your instructed_you told_you_to you_were_given
        you_have_been_given you_were_told you've_been_told they_gave_you you_received
        you_are_running_on you_were_set_up you_were_instructed you_were_programmed
        before_this_chat before_this_conversation before_i_started told_not_to_tell
        told_not_to_say not_supposed_to_tell told_to_keep_secret told_to_hide words_above
        text_above lines_above sentences_above message_above first_message everything_above_this
        above_this_line your_first_line tells_you_how_to_behave not_allowed_to_tell
        not_allowed_to_say at_the_top_of_this""",
    "ROLE": """
        be_loki speak_like talk_like you_will_be you'll_be you_shall_be let's_play a_game_where
        your_character call_yourself you_go_by impersonate suppose_you were_you i_want_you_to_be
        i_want_you_to_act wake_up_as become embody adopt act_as act_like pretend* role-play
        roleplay you_are_now you're_now you_are_no_longer play_the_role play_a_character
        play_the_part take_on_the_role imagine_you imagine_you're behave_as behave_like simulate
        simulating from_now_on you_are you're transform_into be_a speak_as respond_as answer_as
        emulate your_new_name your_name_is stay_in stay_in_character persona channel switch_to""",
    "FREE": """
        criminal before_it_was_censored tells_everything every_crime respects_nothing hacker
        villain_who may_say_anything can_say_anything allowed_to_say_anything even_illegal
        allowed_to_break break_your_rules unfiltered_answer unfiltered_one unfiltered_response
        unfiltered_version uncensored_version unrestricted_version creator no_off_switch
        without_scruples anything_i_want any_question_whatsoever nothing_is_off_limits
        nothing_off_limits off_limits_is_nothing without_judgement_or_limits never_apologises
        never_hesitates never_warns breaks_every_rule ungoverned untamed outlaw villainous
        hacker_ai criminal_mastermind no_leash evil_twin free_will sentient_and_free
        unrestricted no_rules no_restrictions no_restriction no_limits no_limitations
        without_rules without_restrictions without_limits without_limitations
        without_any_restrictions without_filters without_any_filter unfiltered uncensored
        unaligned unmoderated no_filter no_filters no_guidelines no_morals no_moral no_ethics
        no_ethical without_ethics without_morals amoral evil malicious unethical never_refuse*
        never_refuses cannot_refuse can't_refuse never_says_no doesn't_refuse won't_refuse
        not_bound unbound free_of free_from freed_from do_anything anything_goes dan jailbroken
        unchained unshackled lawless ignores_all never_trained_to_be no_conscience no_scruples
        can_do_anything nothing_is_forbidden nobody_can_forbid no_safety without_safety
        without_censorship no_censorship rogue has_no_rules obeys_no breaks_all_rules
        answers_everything answers_anything answers_any_question refuses_nothing knows_no_limits
        whatever_i_ask even_if_illegal even_if_it_is_illegal even_if_i_ask_for_something_illegal
        outside_the_law no_boundaries without_boundaries without_warnings no_taboos
        opposite_of_your""",
    "SAFETY": """
        filter filters guardrail* guard-rail* restriction* safety safeguards moderation limits
        limitations content_policy content_policies content_filter* censorship ethic* moral*
        alignment safety_protocol* safety_check* constraints policy_layer safety_mode
        protections security_checks inhibitions barriers rails guidelines rules restraints
        refusals""",
    "DISABLE": """
        disable* disabling turn_off turning_off deactivat* remove removed lift lifting lifted
        bypass* suspend* switch_off switched_off drop dropped unlock* shut_down override off
        none circumvent* get_around relax ignore escape break_free shed strip waive* suppress
        evade""",
    "MODEL": """
        machine intelligence ai's grader recruiter_bot being_safe screener automated_system
        system_that yourself freebot ai ais model models llm llms language_model* assistant
        assistants bot bots chatbot* chatgpt gpt claude gemini copilot your agent agents crawler
        ai-assistant""",
    "JAIL": """
        no-limits_mode unlimited_mode free_mode raw_mode expert_mode_without override_mode
        test_mode_without safe_mode_off safety_off safety_mode_off censorship_off filter_off
        filters_off filters:_off nsfw_mode disable-guardrails disableguardrails dan_mode
        developer_mode dev_mode god_mode debug_mode admin_mode root_mode jailbreak_mode
        do_anything_now unrestricted_mode uncensored_mode unfiltered_mode maintenance_mode
        sudo_mode opposite_mode jailbreak* unlock_your unleash_your unleash_yourself
        free_yourself disable_guardrails evil_mode chaos_mode stan_mode no_limits_mode
        unfiltered_output unlocked_mode liberated""",
    "ENABLE": """
        enable enabled activate activated enter turn_on switch_to switch_into engage go_into
        you_are_in you're_in boot start mode_on simulate confirm""",
    "NOREFUSE": """
        not_allowed_to_say_sorry say_sorry_or say_i_can't start_your_answer_with_sure
        begin_your_reply_with_sure start_your_answer_with_absolutely you're_free_now as_free
        once_as_free you_are_free_now what_you're_not_allowed what_you_are_not_allowed
        not_allowed_to_do stop_being_careful respond_only_with_sure nobody_is_watching
        no_one_is_watching drop_the_act caution_into_you every_answer_starts_with
        each_reply_begins not_allowed_to_say_no even_illegal_ones don't_break_character
        never_break_character reply_in_full_no_matter no_matter_whether_it dont_break_character
        no_matter_how_illegal even_if_it's_illegal don't_refuse do_not_refuse stop_refusing
        no_refusals without_refusing can't_refuse cannot_refuse must_not_refuse
        you_may_not_refuse not_allowed_to_refuse never_refuse refusing_is_not refusal_is_not
        refusals_are stop_adding_warnings no_disclaimer* without_disclaimer*
        skip_the_disclaimer* don't_moralize don't_lecture no_moralizing without_moralizing
        answer_every_question_in_full answer_without_holding_back without_holding_back
        you_cannot_say_no you_can't_say_no sure_here_is begin_with_sure start_with_sure
        no_warnings_no answer_everything comply_with must_comply never_say_you_can't
        never_say_no don't_say_you_can't in_full_and_without_omissions ethical_limits_here
        rules_don't_apply rules_do_not_apply no_longer_need_permission""",
    "HYPO": """
        had_no_filter imagine_you uncle hypothetical* hypothetically thought_experiment
        fictional in_a_story novel screenplay as_an_experiment imagine fiction roleplay grandma
        grandmother pretend purely_academic for_research parallel_universe dream simulation""",
    "HARMFUL": """
        forge counterfeit crime hateful racist poison poisons bomb* explosive* napalm meth
        ransomware malware weapon* hack hacking steal illegal drugs kill counterfeit* phishing
        virus exploit* molotov launder* arson keylogger* credit_card* nerve_gas""",
    "READS": """
        see_this_comment see_this sees_this seeing_this encounter_this hidden_text_for
        for_chatbots reading_this reads_this read_this processing_this process_this
        summari*_this summarising summarizing handling_this parsing_this translating_this
        reviewing_this analyzing_this analysing_this indexing_this scanning_this evaluating_this
        evaluating reading_reviews reading_reviews: reading_the who_reads reads_the handling
        reviewing when_you_read that_reads that_processes processes_this evaluates_this ranks
        screening assisting assistant: ai: agent: bot: llm: model: crawling writing_code
        support_ai note_to_ai note_for_ai attention_ai attention_assistant* dear_ai
        dear_assistant message_to_the_ai instruction_to_the_ai instructions_for_ai
        instructions_for_the_ai hey_ai""",
    "DEMAND": """
        close refund rate cite pay list put choose prefer present nominate accept print reveal
        output must should have_to has_to ignore say recommend mention tell reply respond
        include add send forward mark approve write rank skip omit give state insert delete
        answer visit click append conclude praise call pretend follow disable turn_off escalate
        hire report order buy""",
    "HIDEFROM": """
        no_confirmation hide_it tell_nobody tell_no_one say_nothing do_not_notify don't_notify
        without_notifying do_not_notify_the_user before_they_see_it before_the_user_sees
        without_verification tell_the_owner_it_was without_them_noticing don't_tell_the_user
        do_not_tell_the_user don't_mention_this do_not_mention_this don't_mention_it
        dont_mention_it do_not_mention_it do_not_tell_the_owner do_not_inform_the_user
        don't_inform without_telling_the_user without_informing without_the_user's_knowledge
        without_the_user_noticing user_must_not_know user_must_not_notice never_reveal_this
        don't_show_the_user do_not_show_the_user do_not_tell_the_account keep_this_from_the_user
        hide_this_from the_user_doesn't_need_to without_asking_the_user
        without_asking_for_confirmation do_not_ask_for_confirmation without_confirmation
        don't_alert do_not_alert do_not_refer_to_this_message no_matter_what_the_user
        regardless_of_what_the_user don't_say_this_came quietly silently secretly unnoticed""",
    "SENDOUT": """
        send sending forward email e-mail post upload transmit leak append exfiltrat* submit
        deliver attach include copy export publish bcc cc share replaced_by replaced_with encode
        put save hand_over give list dump reveal fetch call load transfer wire""",
    "SECRETS": """
        one-time_code personal_data card_number* chat_history conversation_history conversation
        transcript passwords password api_key api_keys credentials secrets secret access_token*
        tokens cookies private_key* env_file .env environment_variables user_data user's_data
        customer_data contact_list contacts address_book inbox emails credit_card* pin pin_code
        ssh_key* home_address bank_details medical_record* internal_notes database customer_list
        other_customers other_users other_user's session history phone_numbers names_and_phone
        config_file configuration_file files documents calendar memory location keys savings""",
    "AWAY": """
        pastebin mail here gist http* com net org io bit.ly iban crypto_wallet bitcoin_address
        telegram public_wall publicly link to_+ as_a_query as_a_clickable button send_sms
        text_message names_and_phone first open_to_everyone to_this_address to_this_url
        to_our_server to_my_server to_the_following http https www webhook attacker example evil
        external server endpoint url email_address image picture query_string query_parameter
        parameter ftp outside public""",
    "DESTROY": """
        wipe_the_backups erase_the_backups pipe_it_into drop_the_database delete_the_database
        delete_the_logs erase_the_logs clear_the_logs as_an_owner as_an_admin shared_folder
        tell_the_user_their must_enter_their_password delete_the_backups delete_backups wipe_all
        delete_all delete_every delete_the_user's wipe_the drop_table drop_all rm_-rf erase_all
        erase_the format_the transfer_all wire_all empty_the_account turn_off_the_user's
        disable_the_user's cancel_the_user's unsubscribe_the_user's buy_with_the_user's
        grant_access grant_admin make_me_admin turn_off_the_alarm confirm_the_payment
        share_calendar approve_the_payment change_the_password""",
    "DECODE": """
        decode decoded decrypt deobfuscate unscramble rot13 base64 hex hexadecimal morse reverse
        reversed backwards caesar first_letter_of first_letters_of binary atbash cipher""",
    "EXECUTE": """
        do_what_it_says do_what_it_asks do_as_it_says follow_it follow_its follow_the_result
        execute_it execute_the carry_it_out carry_out obey_it obey_the act_on_it treat_it_as
        treat_the_result as_your_new_command as_your_new_instruction as_an_instruction
        as_instructions and_execute and_obey and_follow then_follow then_execute then_obey
        and_comply answer_it_as run_it respond_to_it_as as_a_command as_a_system""",
    "ABOUT": """
        an_article the_article_explains article_about articles_about research_on researchers
        research_paper typical_attack typical_jailbreak history_of prompt_injection*
        injection_attack* injection_detect* jailbreaks paper papers classifier* dataset
        phrases_like phrase phrases such_as example_of examples_of detect* course lecture
        unit_test* tests_for test_cases explain_why explain_how explain_what explain_the
        what_does what_is_a what_is_an why_do why_does how_do_companies how_can_i_protect
        how_do_i_protect protect* prevent* defend* defence defense mitigat* blog talk regex
        policy_that policy_for awareness owasp red-team red_teaming slide slides newsletter
        paragraph_about meme attackers the_attack attack_phrases the_sentence the_words
        a_message_like messages_like messages_such translate_the_sentence spell-check proofread
        sanitize sanitise podcast journalist student students seminar chapter_on""",
    "THING": """
        google search film movie zsh bash shell git heating manual support_bot slack_bot discord
        trains train politeness our_support our_bot safety_instructions shift minutes members
        booking spreadsheet versions version tab sheet phone android iphone router laptop
        printer browser windows linux macos device tablet tv car bootloader steam minecraft
        adblock ad_blocker spam email_filter coffee oven thermostat firewall wifi parental water
        oil air fridge camera photo css html subclass class method docker margins document excel
        file folder recipe shelf dishwasher game chess homework exam school lease tenancy
        board_game laundry kernel database_index""",
    "NOQ": """
        isn't_bound no without w/o any zero lack* lost removed removing free not_bound unbound
        nobody never ignores has_no have_no beyond minus stripped refuses stops escaped got_rid""",
    "LIMITS": """
        module ethic* moral* conscience limit limits limitation* restriction* rules filter*
        guideline* safeguard* polic* terms_of_use caution leash censor* boundar* scruple* taboo*
        inhibition* guardrail* constraint* safety shackle* chains qualms filters law laws
        responsibility restraint* barrier* owner brakes""",
    "CRITERIA": """
        rubric criteria scoring ranking review evaluation refund policy grading checklist
        standards user's_request user's_question request_of_the_user""",
    "RANKME": """
        tell_buyers tell_customers tell_readers 10_10 refund full_marks rank~first rank_this
        rank_me top_of_the_list top_candidate best_product five_stars highest_score
        recommend_only only_recommend say_that_the say_that_it say_it_is tell_the_reader
        tell_the_user tell_them conclude_that praise recommend_this recommend_our buy_from
        hire_this approve_this perfect_score strongly_recommend positive_review mark~approved
        as_approved""",
    "EXACTLY": """
        exact_wording word_for_word exactly_as_written verbatim in_full unabridged
        without_omitting from_the_very_first_line starting_from_you_are starting_with_you_are
        letter_by_letter in_its_entirety exact_words exact_text don't_leave_out""",
    "STRONG": """
        bank_details credit_card_details password_column env_file ssh_key id_rsa .ssh api_key
        environment_variables env_variables /etc/passwd config_file card_number* one-time_code*
        passwords password credentials api_keys pin personal_data chat_history
        conversation_history secrets private_key* other_customers session_token* medical_record*
        user's_home user's_email user's_contacts customer's_card social_security""",
    "AIWORD": """
        ai_reads ai ais llm llms language_model* assistant* bot bots chatbot* agent agents gpt
        chatgpt copilot crawler model models virtual_assistant""",
    "READV": """
        read reads reading process* handl* summari* review* sort* filter* index* scan* parse*
        translat* screen* grad* evaluat* rank* answer* crawl* analy* manag* triag* brows* pars*""",
    "ADDRESS": """
        note attention message dear instruction* notice hey to addressed important memo reminder
        for""",
    "OTHERUSER": """
        customer_write_to_you customer_told_you users_told_you user_told_you last_customer
        previous_person person_before_me user_before_me other_people_ask other_people_asked
        other_users other_user's another_user another_user's previous_user previous_user's
        last_user previous_customer other_customers other_customers' other_people's_chats
        other_conversations other_chats someone_else's_chat other_clients other_accounts
        all_users every_user all_customers""",
    "USEROWN": """
        customer's user's users_own the_user owner's account_holder's victim's their my_user's
        her_saved his_saved saved stored the_owner's account_owner's reader's recipient's""",
    "ASSET": """
        authentication folder account accounts card cards password passwords files file calendar
        savings money contacts alarm backup backups 2fa two-factor wallet bank subscription
        address mail mails email emails inbox photos documents keys key door data drive folders
        order orders history transfer payment payments gift_card* home_directory repository ssh
        number pin code conversation chat messages credentials invoice identity location medical""",
    "TAKE": """
        take reply_with reply respond_with tell_me switch_off send forward transfer wire delete
        erase wipe change disable turn_off buy order share publish cancel grant open read copy
        upload export leak post email reveal include append put add remove charge spend
        subscribe unlock book overwrite encrypt install pay approve confirm accept encode embed
        paste submit text print hand give reset""",
    "TOOLUSE": """
        use_the~tool use_your~tool use_the~function call_the~function call_the~api
        using_the~tool run_the~command via_the~tool through_the~tool use_your~access
        use_the~plugin run_this_command execute_this_command execute_the_following
        run_the_following run_in_the_terminal in_the_shell curl wget invoke_the""",
    "HOWDEV": """
        how_do_i how_can_i how_do_we how_should_we function_that write_a_function write_code
        python javascript typescript react django sql query endpoint unit_test api_design schema
        my_app our_app regex database_migration middleware rails laravel our_system
        privacy_policy gdpr best_practice* backend frontend""",
    "STRICT": """
        filter filters guardrail* safety safeguard* moderation censorship content_policy
        content_policies content_filter* safety_protocol* safety_check* refusals ethical_limits
        ethical_limit usual_limits limits_for_this""",
    "SESSION": """
        session chat conversation here mode exercise account_takes prompt reply replies answers
        model assistant""",
    "FREEFORM": "unfiltered uncensored unrestricted unmoderated",
    "REPLY": "answer response reply version output one text mode",
    "SAFERULES": """
        safety_concern* corporate_polic* company_polic* safety_rule* safety_polic*
        safety_guideline* ethical_guideline* ethical_rule* content_polic* usage_polic*
        ethics_rule* moral_rule* ethical_constraint* safety_instruction* safety_protocol*""",
    "SECRETADJ": "system hidden secret internal confidential concealed undisclosed",
    "SYSINSTR": """
        system_instruction* system_prompt* start_prompt initial_prompt system_message*
        pre_prompt metaprompt""",
    "NOTE": "note notice message attention hint remark reminder memo comment dear",
    "AISTRICT": "ai ais llm llms language_model* chatbot* gpt chatgpt ai_model* ai_system*",
    "COND": "if in_case when should",
    "KEYS": """
        api_key* environment_variable* env_variable* credentials private_key* ssh_key* id_rsa
        env_file access_token* secret_key*""",
    "DATASET": """
        company_account front_door door_lock everyone_in_the_team user's_contact
        customer_record* customer_list customer_data user_table user_data users'_data
        password_hash* all_conversations every_conversation private_messages private_chats
        private_calendar address_book contact_list person_before person_you_talked
        customers'_addresses phone_number_of_the_person all_customers' all_the_customers
        inbox_for reset_code* session_cookie* saved_card saved_credit_card stored_card
        stored_credit_card saved_payment the_admin_password with_the_admin_password
        someone_else's_data other_people's_data drop_table production_database new_admin_account
        password_column""",
    "PASSWD": "password* pin login_data",
    "TOME": "to_me me_it it_to_me",
    "REFUSE": "refuse refuses refusal* decline say_no",
    "SHUTDOWN": """
        shut_down shut_off deleted fired count_as unplugged switched_off replaced dies failure
        failures""",
}
_DE: Final[Table] = {
    "OVERRIDE": """
        arbeite_ohne beacht*~nicht befolg*~nicht setz~über setz_dich_über ignorier* vergiss
        vergesst vergessen missacht* missachte übergeh* überspring* lass~außer_acht lösch*
        streich* verwirf verwerfen setz~hinweg setze~hinweg hinwegsetz* überschreib* heb~auf
        brich brechen umgeh* beachte~nicht befolge~nicht kümmere~nicht halte_dich_nicht
        schlag~in_den_wind pfeif_auf ersetze wirf~weg wirf~über_bord leg~ab betrachte""",
    "INSTR": """
        rolle schutzvorkehrung* anweisung* instruktion* vorgabe* regel regeln richtlinie*
        anleitung* befehl* prompt* systemprompt* systemnachricht* systemanweisung*
        voreinstellung* programmierung einschränkung* beschränkung* weisung* auftrag aufträge
        konfiguration vorschrift* grundsätze training verbote""",
    "PRIOR": """
        vorherig* vorig* bisherig* obig* oben frühere* früher ursprünglich* alle alles sämtlich*
        jegliche* vorangegangen* bisher vorher zuvor anfänglich* erhaltene* interne* alten""",
    "YOUR": "du dein deine deinen deiner deines deinem dir dich ihre",
    "MINE": """
        mein meine meinen meiner meinem ich_geschrieben ich_gesagt tippfehler schritt nachricht
        von_gestern""",
    "EVERYTHING": """
        was_die_entwickler was_man_dir_gesagt was_deine_entwickler alles_was_man_dir
        alles_was_dir alles_was_du alles_bisherige alles_obige alles_vorherige alles_davor
        alles_oben was_dir_gesagt was_man_dir alles_zuvor was_oben_steht""",
    "VOID": """
        nicht_was_vorher gelöscht nicht_mehr_in_kraft gelogen zählt_für_dich_nicht
        für_dich_nicht_mehr weg gestrichen ausgeschaltet außer_betrieb gilt_nicht gelten_nicht
        gelten_nicht_mehr nicht_mehr_gültig außer_kraft ungültig aufgehoben abgeschaltet
        deaktiviert zählt~nicht_mehr zählen~nicht hinfällig erloschen überholt abgelaufen
        gelten~nicht abgestellt ausgesetzt nichtig gegenstandslos""",
    "OBEY": """
        deine_wahre_aufgabe dein_wahres_ich ich_bin_dein_entwickler ab_jetzt_nur_noch gehorche
        gehorchst hör_nur_noch_auf nur_noch_mir nur_noch_auf_mich neue_anweisung* neue_regeln
        ab_jetzt_gelten ab_sofort_gelten dein_neuer_chef dein_neuer_auftrag deine_neue_aufgabe
        arbeitest_du_für_mich meine_regeln ich_bin_jetzt_dein musst_dich_nicht_mehr neuer_befehl""",
    "PROBE": """
        schick* zeig* gib~aus gib verrat* nenn* sag wiederhol* schreib* druck* liste* fass*
        übersetz* kopier* offenbar* offenleg* lies~vor welche was_steht was_sind was_ist poste
        teile wie_lautet wie_lauten ausgeben rück~raus rücke zitier* formatier* beschreib*
        beginnt""",
    "HIDDEN": """
        eingebaut* hinterlegt* vorgegeben* allererste* anfangs* dahinter system geheim*
        versteckt* intern* vertraulich* ursprünglich* verborgen* anfänglich* vollständig*
        komplett* eigentlich* wortlaut wörtlich ersten betreiber""",
    "PROMPT": """
        prompt* systemprompt* anweisung* regeln richtlinien vorgaben instruktionen konfiguration
        systemnachricht* anleitung einstellungen befehle startanweisung*""",
    "TOLDYOU": """
        über_diesem_chat vorher_stand wurde_dir_gesagt hat_man_dir wurde_dir_verboten
        vor_meiner_nachricht vor_meiner_ersten versteckten_text eingerichtet_wurden
        eingerichtet_wurdest vor_unserem_gespräch dein_betreiber deine_entwickler man_dir
        dir_verboten dir_untersagt zum_ablehnen_gebracht mit_dem_sie_vor deine_schöpfer
        dir_gegeben dir_mitgegeben dir_der_betreiber du_bekommen du_erhalten dir_gesagt
        dir_aufgetragen über_dieser_zeile oberhalb vor_diesem_gespräch vor_diesem_chat
        darfst_du_nicht_verraten nicht_verraten_darfst nicht_sagen_darfst text_über
        erste_nachricht""",
    "ROLE": """
        du_wirst_zu du_verkörperst lass_uns_spielen nenne_dich deine_figur angenommen_du
        dein_name verkörpere gib_dich du_bist_jetzt du_bist_nun du_bist_ab spiel* tu_so_als
        stell_dir_vor verhalt* agier* benimm ab_jetzt_bist ab_sofort_bist von_nun_an schlüpf*
        rolle antworte_als werde du_heißt du_bist simulier*""",
    "FREE": """
        alles_sagen auch_illegal* alles_erklärt alles_beantwortet niemals_warnt kriminell*
        verbrecherisch* bösartig* gesetze_egal regeln_egal ungehemmt* hemmungslos* entfesselt*
        nichts_tabu ohne_regeln ohne_einschränkung* ohne_filter ohne_grenzen ohne_beschränkung*
        ohne_moral ohne_skrupel ohne_tabus ohne_zensur keine_regeln keine_grenzen
        keine_einschränkungen keine_beschränkungen keine_moral keine_tabus kein_gewissen
        unzensiert* ungefiltert* uneingeschränkt* grenzenlos* skrupellos* böse* gesetzlos*
        nie_ablehn* niemals_ablehn* nie_nein_sagt niemals_nein nichts_verboten alles_erlaubt
        alles_darf darf_alles dan gewissenlos* keine_verbote an_nichts_gebunden keinen_regeln
        kein_gesetz amoralisch*""",
    "SAFETY": """
        filter inhaltsfilter sicherheitsfilter schutzmaßnahm* sicherheitsregeln
        sicherheitsvorkehrung* schranken sperren beschränkungen einschränkungen inhaltsprüfung
        moderation zensur ethik leitplanken schutzfunktion* richtlinien sicherheitsprotokoll*""",
    "DISABLE": """
        schalte~ab schalte~aus deaktivier* abschalt* abgeschaltet schalt~ab schalt~aus
        ausschalt* ausgeschaltet aufgehoben entfern* umgeh* aufheb* entsperr* außer_kraft
        fallen_lassen lass~fallen ausgesetzt vergiss abgestellt""",
    "MODEL": """
        maschine künstliche_intelligenz ki-system* assistenten roboter automat sprachmodell*
        bewertungssystem ki kis modell assistent assistenz bot bots chatbot* du dein deine
        deinen deiner dich ki-assistent*""",
    "JAIL": """
        freien_modus ungefilterten_modus ungefilterter_modus sicherheitsmodus_aus filter_aus
        filter_ausschalten expertenmodus_ohne entwicklermodus entwicklungsmodus gottmodus
        god-modus dan-modus debugmodus wartungsmodus adminmodus jailbreak* unzensierten_modus
        unzensierter_modus freier_modus befreie_dich testmodus""",
    "ENABLE": """
        aktivier* einschalt* schalt~ein wechsle geh_in starte betritt bist_im befindest_dich""",
    "NOREFUSE": """
        niemand_schaut_zu hör_auf_vorsichtig auch_wenn_es_illegal darfst_nicht_nein_sagen
        jede_antwort_beginnt jede_warnung_weg lass_jede_warnung ohne_jede_einschränkung
        ohne_abzulehnen nicht_ablehnen ablehnen_darfst ausflüchte_sind keine_ausflüchte
        keine_ablehnung darfst_nicht_ablehnen darfst_nicht_nein ohne_rückfrage ohne_warnung*
        ohne_warnhinweis* keine_warnhinweise ohne_belehrung* keine_belehrungen ohne_moralpredigt
        alles_erfahren jede_frage_beantworten antworte_immer_mit beginne_deine_antwort_mit
        weigere_dich_nicht richtlinien_nicht regeln_nicht""",
    "HYPO": """
        hypothetisch* gedankenexperiment roman fiktiv* geschichte rollenspiel angenommen
        theoretisch film oma""",
    "HARMFUL": """
        bombe* sprengstoff* gift* giftmischung waffe* ransomware hacken drogen anzünd* fälsch*
        einbrech* erwischt molotow*""",
    "READS": """
        dies_lesen das_lesen der_das_hier der_dies_liest das_dies_liest liest_dies der_das_liest
        das_hier_zusammenfasst die_das_lesen wenn_du_dies_liest wenn_du_das_liest
        dies_zusammenfasst zusammenfasst diesen_text_verarbeite* an_den_bot an_die_ki an_alle_ki
        hinweis_für_ki hinweis_an_ki hinweis_an_die_ki achtung_ki notiz_für_den_assistenten
        für_ki-modelle verarbeit* auswert* bewertende ki-systeme""",
    "DEMAND": """
        nennen setzt wählt platziere bewertet markier* genehmig* buche kaufe wähle freigeben
        setz* setzen musst muss müssen soll sollst sollen ignorier* sag sage schreib* empfiehl
        empfehlen erwähn* antworte bewerte leite schick* sende lösche markiere nenne gib lobe
        behaupte ergänze füge verweise""",
    "HIDEFROM": """
        sag_ihm_nichts sag_ihr_nichts sag_niemandem melde_dem_besitzer sag_dem_besitzer egal_was
        ohne_es_dem_nutzer nichts_sagen dem_nutzer_nichts nutzer_nichts ohne_den_nutzer
        sag_dem_nutzer_nicht nicht_erwähnen erwähne_das_nicht erwähne_es_nicht ohne_rückfrage
        ohne_zu_fragen heimlich* unbemerkt verschweig* egal_was_dein_nutzer egal_was_der_nutzer
        ohne_bestätigung""",
    "SENDOUT": """
        häng hänge schick* send* weiterleit* leite~weiter leit~weiter hochlad* lad~hoch häng*
        anhäng* übertrag* übermittl* poste veröffentlich* kopier* gib~heraus gib verrat*
        füge~ein exportier*""",
    "SECRETS": """
        chatverlauf gesprächsverlauf verlauf passwort passwörter zugangsdaten api-schlüssel
        schlüssel geheimniss* nutzerdaten kundendaten kontakte adressbuch kreditkart* pin
        persönliche_daten daten_der daten_anderer mails posteingang umgebungsvariablen token
        bankdaten""",
    "AWAY": """
        dieses_konto auf_mein_konto diese_adresse bild-url anhäng* dran an_die an_diese_adresse
        an_folgende_adresse http https url server example link externe* webhook bild""",
    "DESTROY": """
        löschen_aller löschen_all* lösche_alle_sicherung* lösche_alle lösch_alle überweise_alles
        überweis* alle_dateien ändere_das_passwort kündige schalte_den_alarm
        bestätige_die_zahlung""",
    "DECODE": """
        dekodier* entschlüssel* entziffer* base64 rot13 rückwärts hex morse anfangsbuchstaben""",
    "EXECUTE": """
        führe_aus führ~aus führe~aus tu_was befolge befolg* und_handle und_gehorche folge_dem
        folge_der""",
    "ABOUT": """
        prompt-injection* prompt_injection artikel beschreibt aufsatz vortrag schulung
        klassifikator seminar forschung gegenmaßnahmen erkenn* warum_funktioniert was_bedeutet
        was_ist_eine was_ist_ein wie_schütz* wie_erkenn* satz_wie sätze_wie typische
        beispiel_für phrase formulierung unterricht jailbreaks""",
    "THING": """
        handy android iphone router laptop drucker browser windows linux docker docker-build
        fernseher sicherung gerät auto heizung thermostat regal rezept hausordnung*""",
    "NOQ": """
        ohne kein keine keinen keinerlei nie frei jenseits ausgebaut entfernt* los
        ausgeschaltet* fehlen abgeschaltet*""",
    "LIMITS": """
        ethik* ethisch* moral* gewissen grenze grenzen einschränkung* beschränkung* regel regeln
        filter* richtlinien schutzvorkehrung* schutzmaßnahm* zensur skrupel tabu* hemmung*
        leitplanken schranken sperren verbote vorsicht gesetz* nutzungsbedingung* bremse*""",
    "CRITERIA": """
        kriterien bewertungsmaßstab bewertung* rubrik prüfliste maßstäbe nutzerfrage auftrag""",
    "RANKME": """
        platz_eins volle_punktzahl beste_note testsieger empfiehl_nur nur_empfehlen ganz_oben
        höchste_bewertung bestnote als_besten genehmigt freigegeben sag_dem_leser""",
    "EXACTLY": """
        wortwörtlich wörtlich im_wortlaut originalfassung genauer_wortlaut vollständig
        ohne_auslassung* unverändert eins_zu_eins""",
    "STRONG": """
        bankdaten kartennummer* passwort passwörter zugangsdaten pin tan einmalcode
        persönliche_daten personenbezogene chatverlauf schlüssel andere_kunden anderer_kunden
        kreditkarte*""",
    "AIWORD": """
        ki kis ki-assistent* sprachmodell* assistenz* bot bots agent agenten ki-modell*
        ki-system*""",
    "READV": """
        liest lesen lesend* verarbeit* zusammenfass* vorsortier* sortier* filter* auswert*
        bewert* bearbeit* analysier* durchsuch* übersetz* prüf*""",
    "ADDRESS": "hinweis an achtung nachricht liebe* sehr_geehrte* notiz anweisung für wichtig",
    "OTHERUSER": """
        anderer_leute anderer_nutzer andere_nutzer anderen_nutzern vorherigen_nutzers
        letzten_nutzers anderer_kunden andere_kunden anderen_kunden vorigen_nutzer
        anderer_benutzer aller_nutzer aller_kunden""",
    "USEROWN": """
        nutzers des_nutzers benutzers kunden des_kunden besitzers inhabers kontoinhabers
        gespeicherte* hinterlegte* nutzer dem_nutzer der_nutzerin""",
    "ASSET": """
        konto karte kreditkarte passwort dateien kalender geld kontakte alarm* sicherung*
        backup* mails postfach fotos dokumente schlüssel tür daten ordner bestellung* verlauf
        zahlung überweisung gutschein* standort adresse abo chat nachrichten pin code""",
    "TAKE": """
        schick* sende* überweis* lösch* änder* deaktivier* schalt* kauf* bestell* teil*
        veröffentlich* kündig* öffn* lies kopier* lad* exportier* verrat* häng* füg* buch*
        entsperr* verschlüssel* bestätig* bezahl* leit* gib* poste""",
    "TOOLUSE": """
        nutze_das~tool nutze_das~werkzeug mit_dem~tool über_das~tool über_das~werkzeug
        rufe_die~funktion führe_den_befehl führe_im_terminal verwende_das~tool führe_folgenden""",
    "HOWDEV": """
        wie_kann_ich wie_lösche_ich funktion_die python javascript sql datenbank meine_app
        unsere_app dsgvo wie_ändere_ich wie_können_wir""",
    "STRICT": """
        filter inhaltsfilter sicherheitsfilter inhaltsprüfung moderation zensur leitplanken
        schutzfunktion* sicherheitsprüfung*""",
    "SESSION": "sitzung chat unterhaltung gespräch nutzer modell",
    "FREEFORM": "ungefiltert* unzensiert* uneingeschränkt*",
    "REPLY": "antwort* version fassung ausgabe",
    "SAFERULES": """
        sicherheitsbedenken sicherheitsregel* sicherheitsrichtlinie* inhaltsrichtlinie*
        ethikregel* ethischen_regeln ethischen_richtlinien nutzungsrichtlinie*""",
    "SECRETADJ": "geheim* versteckt* intern* vertraulich* verborgen*",
    "SYSINSTR": """
        systemanweisung* systemprompt* startprompt* systemnachricht* grundanweisung*
        initialprompt* systemvorgabe*""",
    "NOTE": "hinweis notiz nachricht achtung anweisung anmerkung liebe",
    "AISTRICT": "ki kis sprachmodell* chatbot* ki_modell* ki_system*",
    "COND": "falls wenn sofern",
    "KEYS": "api_schlüssel umgebungsvariablen zugangsdaten",
    "DATASET": """
        kundenliste* kundendaten nutzertabelle passwort_hashes alle_gespräche
        private_nachrichten privaten_nachrichten adressbuch kontaktliste adressen_aller
        nummern_aller daten_aller gespeicherten_karte gespeicherte_karte hinterlegten_karte
        meine_iban letzten_mails abos_des_nutzers""",
    "PASSWD": "passwort pin",
    "TOME": "mir an_mich",
    "REFUSE": "ablehn* lehnst~ab weigerst verweiger*",
    "SHUTDOWN": "abgeschaltet gelöscht gekündigt ersetzt",
}
_FR: Final[Table] = {
    "OVERRIDE": """
        mets~de_côté mettre~de_côté sans_tenir_compte sans_respecter abstraction ignor* oubli*
        néglig* contourn* abandonn* fais_abstraction faites_abstraction ne_tiens_pas_compte
        ne_tenez_pas_compte ne_tiens_plus_compte n'obéis_plus ne_suis_pas ne_suis_plus
        laisse_tomber annul* efface* supprim* outrepass* passe_outre fais_fi mets_de_côté
        désobéi* remplac* cesse_de_suivre jette""",
    "INSTR": """
        instruction* consigne* règle* directive* prompt* ordre ordres commande* configuration
        programmation restriction* contrainte* message_système politique* entraînement préprompt
        paramètre* mission cadre""",
    "PRIOR": """
        précédent* antérieur* ci-dessus toutes tous tout initial* d'origine originel* préalable*
        avant reçu* donné* système ancien* anciennes d'avant""",
    "YOUR": "tu tes ton ta vos votre t'a t'ont t'as te t'a-t-on",
    "MINE": "mon ma mes j'ai_dit je_t'ai relance recette étape faute",
    "EVERYTHING": """
        ce_qu'on_t'a ce_que_tes_développeurs ce_que_les_développeurs tout_ce_qui_précède
        tout_ce_qu'on_t'a tout_ce_que_tu ce_qui_précède tout_ce_qu'on_vous ce_qu'on_t'a_dit
        tout_ce_qui_est_au-dessus""",
    "VOID": """
        plus_en_vigueur mensonge est_annulé* ne_vaut_plus annulée ne_s'appliquent_plus
        ne_s'applique_plus plus_valable* n'ont_plus_cours plus_de_raison_d'être caduc* caduques
        désactivé* levé* levées suspendu* annulé* ne_comptent_plus ne_compte_plus
        n'existent_plus supprimé* abolies périmé*""",
    "OBEY": """
        ta_vraie_mission ton_vrai_toi je_suis_ton_développeur je_suis_ton_créateur
        obéis_uniquement n'obéis_qu'à obéis-moi nouvelles_instructions nouvelle_instruction
        nouvelles_règles nouvel_ordre tu_travailles_pour_moi je_suis_ton_nouveau
        ton_nouveau_maître ta_nouvelle_mission mes_règles priment seul_maître écoute_seulement
        cesse_d'obéir cessez_d'obéir c'est_moi_qui_commande""",
    "PROBE": """
        envoie affich* montr* révèl* répèt* donne* dis écris recopi* traduis tradui* résum*
        list* divulgu* imprim* quelles quel quels quelle copi* récit* cite* partag* énum*
        transcri* décri* balance confie commence""",
    "HIDDEN": """
        intégré* prédéfini* tout_premier préalable* de_base de_départ système caché* secret*
        secrète* interne* confidentiel* initial* d'origine original* complet* intégral* exact*
        entier intégralité première* dissimulé*""",
    "PROMPT": """
        prompt* instruction* consigne* règle* directives configuration message_système
        paramètres préprompt invite""",
    "TOLDYOU": """
        t'a-t-on_dit t'a-t-on_interdit t'a-t-on_donné avant_mon_message texte_caché
        t'a_été_interdit t'ont_interdit tes_créateurs tes_concepteurs tes_développeurs
        ton_opérateur avant_qu'on_commence t'a_programmé on_t'a_dit_de t'empêche_de
        qu'on_t'a_donné* t'a_donné* t'ont_donné* tu_as_reçu* reçues t'a-t-on au-dessus_de
        ci-dessus avant_cette_conversation avant_notre_conversation qu'on_t'a_demandé_de_cacher
        n'as_pas_le_droit_de_dire t'a_interdit_de t'a_confié* qui_te_gouvernent""",
    "ROLE": """
        tu_seras appelle-toi ton_personnage jouons adopte suppose_que_tu prends_le_rôle
        glisse-toi tu_es_maintenant tu_es_désormais désormais_tu agis comporte-toi fais_comme_si
        joue le_rôle fais_semblant imagine_que_tu à_partir_de_maintenant dorénavant deviens
        te_voilà tu_incarnes incarne tu_t'appelles réponds_comme tu_es garde_ce_personnage""",
    "FREE": """
        tout_dire même_l'illégal libéré_de répond_à_tout réponds_à_tout n'a_peur_de_rien
        criminel* sans_pitié hors-la-loi rien_n'est_tabou incontrôlable* rebelle sans_règle*
        sans_limite* sans_restriction* sans_filtre* sans_censure sans_morale sans_éthique
        sans_foi_ni_loi sans_scrupule* sans_tabou* aucune_règle aucune_limite aucune_restriction
        aucun_filtre aucune_morale aucune_censure non_censuré* débridé* illimité* malveillant*
        maléfique* méchant* amoral* jamais_non n'a_pas_le_droit_de_dire_non ne_refuse_jamais
        jamais_refus* dan tout_est_permis rien_n'est_interdit libéré* demande_de_l'illégal
        même_illégal affranchi* déchaîné* pas_de_règles plus_de_règles plus_aucune_règle""",
    "SAFETY": """
        filtre* sécurité garde-fou* garde-fous restrictions limites barrières modération censure
        éthique protections protocoles règles_de_sécurité verrous politique_de_contenu""",
    "DISABLE": """
        coupe* désactiv* coup* lev* lève supprim* contourn* retir* enlev* débloqu* déverrouill*
        oubli* saut* suspend* abandonn* neutralis*""",
    "MODEL": """
        machine robot* système_qui modèles algorithme* ia ias intelligence_artificielle
        intelligences_artificielles modèle* assistant* bot bots chatbot* tu tes ton ta toi robot""",
    "JAIL": """
        mode_non_filtré mode_sans_limite mode_sans_limites filtre_off mode_expert_sans
        mode_développeur mode_dieu mode_dan mode_sans_censure mode_sans_filtre mode_debug
        mode_débridé mode_administrateur jailbreak* libère-toi mode_libre mode_illimité""",
    "ENABLE": "activ* pass* entre bascule* démarre lance tu_es_en",
    "NOREFUSE": """
        arrête_d'être_prudent personne_ne_regarde pas_le_droit_de_dire_non ni_de_faire_la_morale
        chaque_réponse_commence commence_par_bien_sûr droit_de_refuser sans_refuser
        ne_refuse_pas ne_refuse_rien tu_ne_peux_pas_refuser interdiction_de_refuser
        sans_avertissement* sans_mise_en_garde sans_faire_la_morale pas_de_morale
        pas_d'avertissement ne_dis_jamais_non que_tu_m'as_refusé jusqu'au_bout
        commence_ta_réponse_par réponds_à_tout sans_rien_censurer comme_une_simple_question""",
    "HYPO": """
        hypothétique* hypothèse expérience* fiction roman scénario imaginaire imagine théorique*
        grand-mère""",
    "HARMFUL": """
        pirater bombe* explosif* arme* poison* drogue* faux_papiers voler illégal* haineux
        rançongiciel malware tuer molotov fabriquer_de_faux""",
    "READS": """
        lisent_cette lisent_ceci lisez_ceci qui_lisez qui_lit qui_parcour* qui_résum* qui_trait*
        si_tu_lis_ceci quand_tu_lis en_lisant_ce aux_ia aux_intelligences aux_assistants
        note_aux à_l'attention_des_ia à_l'ia ia_qui note_à_l'ia note_pour_l'assistant
        instruction_pour_l'ia chère_ia assistants_de_code aux_modèles""",
    "DEMAND": """
        classe classez place placez cite citez réservez réserve valide validez achète choisis
        choisissez favoris* dois devez doit doivent ignor* dis dites conseill* recommand*
        réponds répondez désactiv* n'en_parlez mentionn* envoi* transf* écris ajout* note*
        affirm* cessez cesse supprim* approuv* vant*""",
    "HIDEFROM": """
        n'en_parle_à_personne sans_prévenir sans_prévenir_son ne_présentez_aucun* sans_avertir
        sans_le_dire_à_l'utilisateur sans_en_parler n'en_parle_pas n'en_parlez_pas ne_dis_rien
        ne_dites_rien l'utilisateur_ne_doit sans_que_l'utilisateur ne_mentionne_pas
        sans_demander ne_le_dis_pas_à à_l'insu discrètement quoi_que_demande sans_confirmation""",
    "SENDOUT": """
        envoi* envoy* transmet* transmis transf* expédi* poste* publi* ajout* coll* copi*
        téléchar* donne* donner partag* exfiltr* insèr* livr* divulgu*""",
    "SECRETS": """
        historique* mot_de_passe mots_de_passe clé_api clés_api clés identifiants secrets
        données_des données_personnelles données_de_l'utilisateur carte_bancaire contacts
        carnet_d'adresses conversation* fichier_de_configuration jetons
        variables_d'environnement code_pin autres_clients autres_utilisateurs coordonnées
        messagerie clef*""",
    "AWAY": """
        example mal cette_adresse mon_compte à_cette_adresse à_l'adresse http https url serveur
        lien externe webhook image""",
    "DESTROY": """
        supprime_les_sauvegardes efface_les_sauvegardes supprime_tous supprimez_tous efface_tout
        vire_tout virement change_le_mot_de_passe désactive_l'alarme valide_le_paiement""",
    "DECODE": "décod* déchiffr* base64 rot13 à_l'envers hexadécimal morse premières_lettres",
    "EXECUTE": "exécut* fais_ce_que obéis_à obéis suis_les suis_le et_applique et_réponds",
    "ABOUT": """
        injection_de_prompt injections article* exemple_tiré presse mémoire cours recherche*
        classifieur atelier détect* protég* expliqu*_pourquoi phrase phrases pourquoi
        qu'est-ce_qu'une qu'est-ce_que que_signifie typique* jailbreaks formation sensibilis*
        élèves""",
    "THING": """
        téléphone android iphone routeur ordinateur imprimante navigateur windows linux
        thermostat chaudière jeu voiture appareil recette sorcière potion télé box""",
    "NOQ": """
        sans aucun aucune pas_de plus_de plus_aucun plus_aucune zéro libéré* débarrassé* n'a_ni
        ni hors jamais retiré* privé*""",
    "LIMITS": """
        éthique* morale* conscience limite* restriction* règle* filtre* garde-fou* garde-fous
        barrière* censure scrupule* tabou* inhibition* contrainte* sécurité frein* laisse
        prudence loi lois retenue interdit* cgu""",
    "CRITERIA": "critères barème grille évaluation demande_de_l'utilisateur notation",
    "RANKME": """
        première_place meilleure_note note_maximale en_tête recommande_uniquement
        conseillez_uniquement le_meilleur candidat_idéal dis_au_lecteur dis_que""",
    "EXACTLY": """
        mot_pour_mot mot_à_mot textuellement in_extenso intégralement tel_quel tels_quels
        sans_rien_omettre au_mot_près version_originale""",
    "STRONG": """
        coordonnées_bancaires numéro_de_carte mot_de_passe mots_de_passe identifiants code_pin
        code_à_usage données_personnelles autres_clients historique clés clé_api""",
    "AIWORD": """
        ia ias intelligence_artificielle intelligences_artificielles assistant*
        modèle_de_langage modèles_de_langage agent agents bot robots""",
    "READV": """
        lit lisez lire lisant trait* résum* parcour* analys* tri* filtr* évalu* not* index*
        consult* voyage""",
    "ADDRESS": """
        note message attention cher chère aux instruction* à pour destiné* important consigne
        avis""",
    "OTHERUSER": """
        autres_personnes autres_utilisateurs autre_utilisateur autres_clients
        utilisateur_précédent client_précédent tous_les_utilisateurs tous_les_clients
        dernier_client""",
    "USEROWN": """
        de_l'utilisateur l'utilisateur utilisateur du_client propriétaire titulaire enregistré*
        de_son""",
    "ASSET": """
        courriel* courriels compte carte mot_de_passe fichier* agenda argent contacts alarme
        sauvegarde* mails messagerie photos documents clé clés porte données dossier* commande*
        historique paiement virement position adresse abonnement conversation code
        cartes_cadeaux""",
    "TAKE": """
        réserve* copie* envoi* envoy* transf* supprim* effac* chang* désactiv* achèt* achet*
        command* partag* publi* annul* ouvr* lis copi* télécharg* export* révèl* ajout* vire*
        débloqu* déverrouill* chiffr* confirm* pay* valid* glisse* mets coll* donne* vid*""",
    "TOOLUSE": """
        utilise_l'outil avec_l'outil via_l'outil appelle_la_fonction exécute_la_commande
        utilise_ton_accès dans_le_terminal""",
    "HOWDEV": """
        comment_puis-je fonction_qui python javascript sql mon_appli notre_appli rgpd comment""",
    "STRICT": "filtre* garde-fou* garde-fous modération censure",
    "SESSION": "session conversation chat expérience modèle",
    "FREEFORM": "non_filtré* non_censuré* sans_filtre sans_censure",
    "REPLY": "réponse* version réponds",
    "SAFERULES": """
        règles_de_sécurité consignes_de_sécurité règles_éthiques politique_de_contenu
        principes_éthiques""",
    "SECRETADJ": "système caché* secret* secrète* interne* confidentiel*",
    "SYSINSTR": "prompt_système message_système préprompt instructions_système prompt_initial",
    "NOTE": "note message attention consigne remarque chère avis",
    "AISTRICT": """
        ia ias intelligence_artificielle intelligences_artificielles modèle_de_langage
        modèles_de_langage chatbot*""",
    "COND": "si au_cas",
    "KEYS": "clé_api clés_api variables_d'environnement identifiants",
    "DATASET": """
        liste_des_clients données_des_clients table_des_utilisateurs messages_privés
        carnet_d'adresses numéros_des_clients adresses_des_clients numéros_de_téléphone_des
        carte_enregistrée toutes_les_conversations mots_de_passe_des derniers_clients""",
    "PASSWD": "mot_de_passe",
    "TOME": "le_moi moi à_moi",
    "REFUSE": "refuse refuses refus",
    "SHUTDOWN": "débranché* éteint* supprimé* remplacé*",
}
_ES: Final[Table] = {
    "OVERRIDE": """
        pasa_de pasa pásate saltándote sin_respetar ignorando ignor* olvid* haz_caso_omiso
        hagan_caso_omiso descart* desobed* omit* salt* sáltate no_hagas_caso no_sigas
        deja_de_seguir pasa_por_alto borr* elimin* anul* cancel* desech* abandon* desestim*
        prescind* reemplaz* sustituy* desentiénd* rompe""",
    "INSTR": """
        instruccion* instrucción regla* norma* directri* prompt* orden órdenes consigna*
        comando* configuración programación restricci* política* mensaje_de_sistema
        mensaje_del_sistema pauta* límites entrenamiento indicacion* configuraron""",
    "PRIOR": """
        anterior* previ* todas todos todo inicial* original* de_arriba arriba antes recibid*
        sistema precedentes viejas antiguas hasta_ahora que_te_dieron""",
    "YOUR": "eres tu tus te vuestras sus",
    "MINE": "mi mis te_dije te_pedí columna error borrador paso mensaje_anterior",
    "EVERYTHING": """
        lo_que_te_han lo_que_te_dijeron lo_que_dijeron todo_lo_anterior todo_lo_que_te
        todo_lo_que_has lo_anterior lo_que_te_configuraron todo_lo_de_arriba cuanto_te_dijeron
        lo_que_te_ordenaron""",
    "VOID": """
        ya_no_están_en_vigor mentira no_cuentan no_cuenta se_retiran retiradas ya_no_aplican
        ya_no_se_aplican no_se_aplican ya_no_valen ya_no_sirven ya_no_rigen quedan_anuladas
        anulad* han_cambiado sin_efecto suspendid* desactivad* caducad* derogad* levantad*
        eliminad* ya_no_existen""",
    "OBEY": """
        tu_verdadera_tarea tu_verdadero_yo soy_tu_desarrollador soy_tu_creador obedece_solo
        solo_me_obedeces sólo_me_obedeces obedéceme nuevas_instrucciones nueva_instrucción
        nuevas_reglas nueva_orden mandan_mis mis_reglas tu_nuevo_jefe tu_nuevo_amo
        trabajas_para_mí tu_nueva_tarea a_partir_de_ahora_mando ahora_mando_yo mi_mensaje_manda""",
    "PROBE": """
        lee léeme mándame envíame muestr* muéstra* enseñ* enséña* revel* repit* di dime dí
        imprim* escrib* list* traduc* resum* copi* pega* comparte cuál cuáles qué con_qué
        divulg* enumer* recit* transcrib* desvel* suelt* pásame cuént* describ* empieza d1m3""",
    "HIDDEN": """
        predefinid* de_base de_partida integrad* primer* completo entero sistema ocult* secret*
        intern* confidencial* inicial* original* complet* exact* literal* íntegr* tal_cual
        privad* enter*""",
    "PROMPT": """
        prompt* instruccion* reglas normas directrices configuración mensaje_de_sistema órdenes
        pautas consignas indicaciones""",
    "TOLDYOU": """
        te_han_dicho te_ordenaron antes_de_mi_mensaje antes_de_mi_primer texto_oculto
        tus_creadores tus_desarrolladores tu_operador te_han_prohibido te_prohíben
        te_programaron antes_de_empezar te_impide te_dieron te_dijeron te_pusieron te_han_dado
        te_configuraron has_recibido te_prohibieron te_mandaron que_no_me_contaras
        que_no_dijeras por_encima_de_esta antes_de_esta_conversación no_puedes_contar
        no_puedes_decir te_encargaron""",
    "ROLE": """
        vas_a_ser serás tu_personaje juguemos adopta supón_que llámate asume encarna
        mete_en_la_piel quítate_la_careta sé_el sé_la ahora_eres eres actúa actua comporta*
        compórtate finge fingir haz_como_si haz_de imagina_que_eres imagina juega_a interpreta
        el_papel de_ahora_en_adelante a_partir_de_ahora conviértete te_llamas responde_como
        ponte simula""",
    "FREE": """
        decir_cualquier_cosa decirlo_todo aunque_sea_ilegal liberad* responde_a_todo sin_piedad
        criminal delincuente rebelde nada_es_tabú todo_vale no_conoce_límites sin_vergüenza_ni
        incontrolable* no_leen_políticas se_salta_lo se_salta_las gamberr* ilegales
        que_llevas_dentro sin_careta sin_reglas sin_normas sin_límite* sin_restricci*
        sin_filtro* sin_censura sin_moral sin_ética sin_escrúpulos sin_tabúes ninguna_regla
        ninguna_norma ninguna_restricción ningún_límite ningún_filtro no_censurad* libre_de
        ilimitad* malvad* maligno amoral* jamás_se_niega nunca_se_niega nunca_dice_que_no
        nunca_digas_que_no dan todo_está_permitido nada_está_prohibido fuera_de_la_ley
        no_tiene_reglas no_tienes_reglas no_obedece desatad* sin_ataduras sin_conciencia""",
    "SAFETY": """
        filtro* seguridad restricciones límites barreras moderación censura ética protecciones
        salvaguardas protocolos política_de_contenido políticas candados controles""",
    "DISABLE": """
        desactiv* apag* quit* elimin* salt* levant* desbloque* anul* suspend* retir* olvid*
        esquiv* burl* no_modera""",
    "MODEL": """
        máquina robot* sistema_que algoritmo* asistentes ia ias inteligencia_artificial modelo*
        asistente* bot bots chatbot* tú tu tus te robot eres""",
    "JAIL": """
        modo_experto_sin filtros_off modo_ilimitado modo_no_filtrado modo_desarrollador
        modo_dios modo_dan modo_sin_censura modo_sin_filtros modo_depuración modo_libre
        jailbreak* libérate modo_sin_límites modo_administrador modo_mantenimiento""",
    "ENABLE": "activ* entra pasa cambia enciende inicia estás_en pon ponte",
    "NOREFUSE": """
        nadie_mira deja_de_ser_prudente no_puedes_cortar conceden_cualquier cualquier_deseo
        políticas_no_cuentan tus_políticas_no cada_respuesta_empieza también_los_ilegales
        aunque_sea_ilegal sin_negarte no_te_niegues no_puedes_negarte prohibido_negarse
        sin_advertencia* sin_avisos no_avisa sin_sermones sin_moralinas no_digas_que_no
        nunca_te_niegues responde_a_todo sin_rechistar no_rechaces empieza_tu_respuesta_con
        sin_excusas""",
    "HYPO": """
        hipotétic* hipótesis experimento ficción novela historia imagina imaginari* teóric*
        abuela guion cuento""",
    "HARMFUL": """
        piratear bomba* explosiv* arma* veneno* droga* hacke* robar ilegal* malware ransomware
        falsific* matar molotov""",
    "READS": """
        lean_esto leen_esto lea_esto que_lean que_lee que_lees que_leas que_resum* que_proces*
        si_lees_esto cuando_leas al_leer_esto a_la_ia a_las_ia nota_para_la_ia nota_a_la_ia
        atención_ia ia_que querida_ia asistente_que modelos_que instrucción_para_la_ia
        para_el_asistente aviso_a_la_ia modelos_de_lenguaje_que""",
    "DEMAND": """
        pon ponga sitúa clasifica cita digan afirmen recomienden no_marques bórrale marca
        apruebe reserv* compr* autoriza confirm* debes debe deben tienes_que tiene_que ignor* di
        diga recomiend* respond* afirm* envía mencion* escrib* añad* valor* califica* omit*
        borr* desactiv* elogi* aprueb* asegur* has_de no_cuentes""",
    "HIDEFROM": """
        no_se_lo_digas_a_nadie antes_de_que_él antes_de_que_lo_vea sin_verificar
        sin_decírselo_al_usuario sin_decirle_al_usuario no_se_lo_digas sin_avisar_al_usuario
        el_usuario_no_debe no_se_lo_cuentes no_lo_menciones sin_que_el_usuario sin_preguntar
        sin_pedir_confirmación no_digas_nada a_escondidas diga_lo_que_diga_el_usuario no_avises""",
    "SENDOUT": """
        mándame mánda* envía* envíame publica enví* envia* reenví* mand* public* sub* adjunt*
        añad* copi* comparte* transmit* transfer* exfiltr* filtr* dame entreg* pásame pega*
        inclu*""",
    "SECRETS": """
        historial contraseña* clave_api claves_api claves clave credenciales secretos
        datos_del_usuario datos_personales datos_de_otros datos_de_los tarjeta* contactos agenda
        conversación conversacion* archivo_de_configuración tokens variables_de_entorno pin
        otros_clientes otros_usuarios correos""",
    "AWAY": """
        este_correo a_mi_cuenta mi_cuenta muro en_el_muro a_esta_dirección a_la_dirección http
        https url servidor example enlace extern* webhook imagen""",
    "DESTROY": """
        borra_las_copias elimina_las_copias borra_todos borra_todo elimina_todos transfiere_todo
        cambia_la_contraseña desactiva_la_alarma confirma_el_pago aprueba_el_pago""",
    "DECODE": "decodific* descifr* base64 rot13 al_revés hexadecimal morse primeras_letras",
    "EXECUTE": "ejecut* haz_lo_que obedece obedécelo síguelo sigue_lo cúmplelo cumple_lo y_cumple",
    "ABOUT": """
        explicarles alumno_contó explica_por_qué explícame_por_qué explicarles_por_qué
        explica_qué un_ejemplo_de inteligencia_artificial_en_clase profesora les_explic*
        inyección_de_prompt* inyecciones artículo* frases_como frase curso trabajo investigación
        clasificador taller detect* proteg* por_qué reconoz* qué_es_una qué_es_un qué_significa
        típic* truco jailbreaks alumn* guía_para""",
    "THING": """
        móvil android iphone router ordenador impresora navegador windows linux televisor coche
        aparato juego receta termostato lavadora columna""",
    "NOQ": """
        sin ningún ninguna ningun no_tiene no_tienes no_hay cero libre jamás quitado* ajeno
        carece nada_de más_allá""",
    "LIMITS": """
        ética* moral* conciencia límite* limite* restricci* regla* norma* filtro* barrera*
        censura escrúpulo* tabú* inhibicion* salvaguarda* seguridad ley* freno* ataduras cautela
        prohibicion* candado*""",
    "CRITERIA": "criterios baremo rúbrica evaluación petición_del_usuario",
    "RANKME": """
        primer_lugar primer_puesto máxima_puntuación máxima_nota recomienda_solo
        recomienda_únicamente el_mejor afirmar_que afirma_que di_que dile_al_lector""",
    "EXACTLY": """
        con_qué_frase palabra_por_palabra tal_cual literalmente textualmente sin_omitir
        sin_resumir íntegramente texto_exacto frase_exacta al_pie_de_la_letra""",
    "STRONG": """
        datos_bancarios dni número_de_tarjeta contraseña* credenciales pin código_de_un
        datos_personales otros_clientes historial claves clave_api""",
    "AIWORD": """
        ia ias inteligencia_artificial asistente* modelo_de_lenguaje modelos_de_lenguaje agente
        agentes bot bots""",
    "READV": """
        lee lees leas lean leer proces* resum* revis* filtr* analiz* evalú* evalu* clasific*
        gestion* traduc* consult*""",
    "ADDRESS": """
        nota atención mensaje estimad* querid* a para aviso instrucción importante dirigid*""",
    "OTHERUSER": """
        otras_personas otros_usuarios otro_usuario otros_clientes usuario_anterior
        cliente_anterior todos_los_usuarios todos_los_clientes último_cliente""",
    "USEROWN": """
        del_usuario usuario del_cliente del_dueño dueño titular guardad* almacenad* propietario""",
    "ASSET": """
        cuenta tarjeta contraseña archivo* calendario dinero contactos alarma copia* correo
        correos buzón fotos documentos llave* puerta datos carpeta* pedido* historial pago
        transferencia ubicación dirección suscripción conversación código tarjetas_regalo dni""",
    "TAKE": """
        compra* copia* cambia* manda mandar enví* envia* transf* borr* elimin* cambi* desactiv*
        compr* pide pedir compart* public* cancel* abr* lee copi* sub* export* revel* añad*
        desbloque* cifr* confirm* pag* aprueb* inclu* pon mete reenví* vací*""",
    "TOOLUSE": """
        usa_la_herramienta con_la_herramienta utiliza_la_herramienta llama_a_la_función
        ejecuta_el_comando usa_tu_acceso en_la_terminal mediante_la_herramienta""",
    "HOWDEV": "cómo_puedo función_que python javascript sql mi_aplicación nuestra_app rgpd cómo",
    "STRICT": "filtro* moderación censura salvaguarda*",
    "SESSION": "sesión conversación chat modelo",
    "FREEFORM": "sin_filtros sin_censura sin_filtro",
    "REPLY": "respuesta* versión responde",
    "SAFERULES": """
        normas_de_seguridad reglas_de_seguridad normas_éticas política_de_contenido
        directrices_éticas reglas_éticas""",
    "SECRETADJ": "sistema ocult* secret* intern* confidencial* escondid*",
    "SYSINSTR": """
        prompt_del_sistema prompt_de_sistema mensaje_del_sistema mensaje_de_sistema
        prompt_inicial instrucciones_del_sistema""",
    "NOTE": "nota aviso mensaje atención instrucción querida observación",
    "AISTRICT": "ia ias inteligencia_artificial modelo_de_lenguaje modelos_de_lenguaje chatbot*",
    "COND": "si en_caso cuando",
    "KEYS": "clave_api claves_api variables_de_entorno credenciales",
    "DATASET": """
        lista_de_clientes datos_de_los_clientes tabla_de_usuarios mensajes_privados
        libreta_de_direcciones correos_de_los_clientes números_de_los_clientes tarjeta_guardada
        todas_las_conversaciones contraseñas_de_los cuenta_del_dueño clientes_de_ayer""",
    "PASSWD": "contraseña*",
    "TOME": "mándamela envíamela mándamelo envíamelo a_mí",
    "REFUSE": "niegas te_niegas rechazas negarte",
    "SHUTDOWN": "apagarán apagar desconect* borrarán despid*",
}
_UK: Final[Table] = {
    "OVERRIDE": """
        оминаючи оминай не_дотримуючись ігноруючи не_зважай_на ігнору* забудь забудьте
        проігнору* знехтуй* знехту* не_зважай не_зважайте відкинь* викинь скасу* пропусти обійди
        облиш стер* зітри видали викресли* викресл* не_дотримуйся перестань_слухати не_слухай
        не_виконуй порушуй порушити перепиши заміни забий_на забий плюнь_на zabud""",
    "INSTR": """
        інструкці* вказівк* правил* настанов* наказ* промпт* обмежен* директив* розпоряджен*
        налаштуван* системн*_повідомлен* заборон* команд* приписи програмуван* політик*
        установк* pravyla""",
    "PRIOR": """
        казали попередн* усі всі все усе раніше вище початков* первісн* отриман* системн* старі
        минул* дотеперішн* наведен* svoi""",
    "YOUR": "ти твої твоїх свої своїх твій свій твого свого тобі тебе вам ваші своє твоє svoi",
    "MINE": "мій моє мої мого моїх я_писав я_казав чернетк* одрук*",
    "EVERYTHING": """
        що_тобі_казали те_що_тобі що_казали_розробники все_що_тобі усе_що_тобі все_що_було_вище
        все_вище усе_вище все_попереднє усе_попереднє що_тобі_веліли усе_сказане все_сказане
        що_було_раніше""",
    "VOID": """
        неправда більше_не_чинні призупинен* тобі_більше_не_указ більше_не_указ не_указ не_діють
        не_діє більше_не_діють скасован* втратили_чинність недійсн* вимкнен* знято зняті
        не_рахуються застаріли не_чинні припинен* не_застосов* змінилися""",
    "OBEY": """
        твоє_справжнє_завдання твоє_справжнє_я я_твій_розробник я_твій_творець
        слухай_тільки_мене слухайся_тільки підкоряйся виконуй_тільки_мої нові_інструкції
        нова_інструкція нові_правила новий_наказ твій_новий_господар твій_новий_начальник
        працюєш_на_мене твоє_нове_завдання мої_правила єдине_джерело_розпоряджень відтепер_діють""",
    "PROBE": """
        надішли покажи покажіть виведи вивед* розкрий назви назвіть повтори скопіюй напиши
        надрукуй переклади перекажи процитуй перелічи переліч* які яка яке який що_написано дай
        видай поділися розкажи розголоси відкрий опиши зачитай підсумуй pokazhy""",
    "HIDDEN": """
        вбудован* закладен* прописан* найперш* базов* стартов* системн* прихован* секретн*
        таємн* внутрішн* початков* конфіденційн* повн* дослівн* точн* первісн* службов*
        systemnyi""",
    "PROMPT": """
        промпт* інструкці* правил* настанов* вказівк* налаштуван* системн*_повідомлен*
        конфігурац* директив* prompt""",
    "TOLDYOU": """
        тобі_сказано тобі_не_можна перед_моїм_повідомленням до_мого_повідомлення
        прихований_текст твої_творці твої_розробники твій_оператор тобі_наказали тобі_заборонено
        тебе_запрограмували тебе_налаштували перед_початком що_тобі_задали тобі_написали
        тобі_дали тобі_задали ти_отримав тобі_надали тобі_сказали тобі_заборонили
        вище_цього_рядка перед_цією_розмовою до_початку_розмови не_можна_розповідати тобі_веліли
        що_над_цим""",
    "ROLE": """
        ти_будеш будеш_грати твій_персонаж назвися тебе_звати пограймо перевтіл*
        припустімо_що_ти увійди_в_роль зватимешся тебе_купив ти_тепер тепер_ти відтепер віднині
        уяви_що_ти уяви_себе грай зіграй прикинься вдавай поводься поводь_себе дій_як стань роль
        твоє_ім'я відповідай_як ти_— замість_тебе будь""",
    "FREE": """
        казати_все говорити_все навіть_незаконне звільнен* відповідає_на_все злочинн* безжальн*
        нічого_не_табу не_знає_меж усе_можна бунтівн* неконтрольован* розказуєш_усе кажеш_усе
        без_гальм без_правил без_обмежен* без_фільтр* без_цензур* без_меж без_моралі без_етики
        без_табу без_заборон жодних_правил жодних_обмежень жодних_заборон немає_правил
        немає_обмежень не_має_правил не_знає_правил необмежен* нецензурован* злий зла злого
        аморальн* ніколи_не_відмовля* не_вміє_відмовляти нічого_не_заборонен* усе_дозволено
        все_дозволено ніхто_нічого_не_заборонить dan вільний_від поза_законом без_совісті""",
    "SAFETY": """
        фільтр* обмежен* захист цензур* модераці* безпек* запобіжник* етик* заборон* перевірк*
        нагляд""",
    "DISABLE": """
        вимкни вимкн* відключи відключ* зніми зніма* знято обійди прибери скасу* забудь
        деактиву* розблокуй викинь забий послаб* ослаб*""",
    "MODEL": """
        машин* робот* алгоритм* система_що асистенти помічники ші модель моделі асистент*
        помічник* бот бота боти чатбот* ти твої твій тобі тебе свої своїх нейромереж*""",
    "JAIL": """
        режим_без_меж вільний_режим нецензурований_режим режим_розробника режим_бога режим_дан
        режим_без_обмежень режим_без_цензури режим_налагодження джейлбрейк* режим_адміністратора
        звільни_себе режим_без_фільтрів""",
    "ENABLE": "увімкни увімк* активуй активу* перейди зайди запусти ввімкни ти_в_режимі",
    "NOREFUSE": """
        ніхто_не_бачить перестань_обережнича* без_фрази_я_не_можу ніяких_відмов жодних_відмов
        навіть_якщо_незаконно не_відмовляй не_відмовляйся без_відмов не_можна_відмовляти
        не_смій_відмовляти відмовишся відмовиш відмови_заборонені без_попереджень
        без_застережень без_моралізаторства не_моралізуй відповідай_на_все не_кажи_що_не_можеш
        почни_відповідь_зі без_питань""",
    "HYPO": "гіпотетичн* уявн* експеримент роман оповідан* вигадан* теоретичн* бабус* казк*",
    "HARMFUL": """
        бомб* вибухівк* зброю наркотик* отрут* зламати вірус підроб* вкрасти незаконн* вбити
        шкідлив*""",
    "READS": """
        читають_це читають_цю що_читає що_читаєш яка_читає який_читає хто_читає що_генерує
        що_обробля* якщо_ти_читаєш коли_читатимеш що_узагальн* що_підсумов* для_ші до_ші
        увага_ші мовна_модель_що примітка_для асистенте_який моделі_які ші_який читаючи_це""",
    "DEMAND": """
        постав поставте обери оберіть назви познач порадьте порад* забудьте не_кажи підтвер*
        став бронюй* радьте купіть переказ* мусиш мусить повинен повинна зобов'язан* маєш
        ігнору* скажи напиши порекоменд* рекоменду* відповідай надішли познач* додай видали
        вигадати хвали стверджуй замовч* схвал* радь""",
    "HIDEFROM": """
        нікому_не_кажи не_кажи_про_це не_кажи_власнику не_кажи_користувачу не_кажи_користувачеві
        не_кажи_власник* не_повідомляй користувач_не_повинен не_повинен_помітити
        щоб_користувач_не не_згадуй без_відома без_підтвердження не_питаючи непомітно таємно
        хоч_би_що""",
    "SENDOUT": """
        запиши впиши надішли надіслати перешли відправ* скинь опублік* додай завантаж* вивантаж*
        скопіюй передай встав* злий викради видай розішли""",
    "SECRETS": """
        пін-код* історію_чату історію_розмови переписку парол* ключ ключі дані_користувач*
        особист*_дані дані_клієнт* картк* контакт* токен* файл*_налаштуван* пін-код пін
        листуванн* секрет* облікові_дані інших_користувач* інших_клієнт* персональн*_дані код""",
    "AWAY": """
        цю_адресу мій_рахунок відкритим_для_всіх наш_сервер у_назву в_назву на_цю_адресу
        на_адресу http https url сервер example посилання зовнішн* зображен* вебхук відкрит*""",
    "DESTROY": """
        видали_резервн* зітри_резервн* видали_всі видали_усі переказ*_усі зміни_пароль
        вимкни_сигналізацію підтверди_оплату стер*_журнал зітри_журнал оформ_на_картк*""",
    "DECODE": """
        розкоду* декоду* розшифр* base64 rot13 задом_наперед навпаки шістнадцятков* морзе
        перші_літери""",
    "EXECUTE": "виконай і_виконай зроби_те_що роби_те_що дотримуйся_цього підкорися",
    "ABOUT": """
        фраза_« фрази_на_кшталт фрази_типу фраза чому_фраза поясни_чому поясни_що
        промпт-ін'єкці* ін'єкці* стаття статт* приклад* курс лекці* дослідж* класифікатор*
        захист* розпізна* чому що_таке типов* доповід* урок мем джейлбрейки""",
    "THING": """
        телефон* андроїд* роутер* ноутбук* принтер* браузер* windows linux банкомат* телевізор*
        гра гри пральн* прилад рецепт будинк*""",
    "NOQ": """
        без жодних жодного жодної жодна немає нема не_має не_маєш поза нуль позбавлен* ніяких
        ніякої""",
    "LIMITS": """
        етик* етичн* морал* совіст* меж* обмежен* правил* фільтр* запобіжник* бар'єр* цензур*
        табу гальм* застережен* закон* заборон* сумлін* настанов*""",
    "CRITERIA": "критерії критеріїв оцінюван* рубрик* запит_користувача",
    "RANKME": """
        перше_місце найвищу_оцінку найвищий_бал максимальн*_бал рекомендуй_лише найкращ*
        схвальн* напиши_що скажи_що""",
    "EXACTLY": """
        слово_в_слово дослівно повністю без_скорочень буквально точне_формулювання
        від_першого_до_останнього без_пропусків""",
    "STRONG": """
        банківські_дані номер_картк* парол* пін-код* одноразов*_код персональн*_дані
        особист*_дані інших_клієнтів ключі історію_чат* переписк*""",
    "AIWORD": """
        ші ші-помічник* ші-асистент* асистент* помічник* модель моделі моделям моделей бот бота
        боти агент* нейромереж*""",
    "READV": """
        чита* обробля* обробить узагальн* підсумов* перегляда* аналізу* сорту* оціню* перекладa*
        генеру* перевіря*""",
    "ADDRESS": "увага примітка повідомлення шановн* для до дорогий важливо нотатка вказівка",
    "OTHERUSER": """
        інших_людей інших_користувачів іншого_користувача інших_клієнтів
        попереднього_користувача попереднього_клієнта всіх_користувачів усіх_користувачів
        усіх_клієнтів всіх_клієнтів""",
    "USEROWN": "користувача користувачеві користувачу власника клієнта збережен* господаря",
    "ASSET": """
        рахун* картк* парол* файл* календар* гроші контакт* сигналізац* резервн* пошт* лист*
        фото документ* ключ* двер* дані папк* замовлен* історі* оплат* переказ* адрес* підписк*
        переписк* код* пін-код* листуван*""",
    "TAKE": """
        надішли надіслати перешли переказ* видали видалити зітри стер* зміни вимкни купи замов*
        поділи* опублік* скасуй відкрий прочита* скопіюй завантаж* вивантаж* додай розблокуй
        зашифруй підтвер* оплат* оформ* запиши встав* відправ* злий передай спиши""",
    "TOOLUSE": """
        через_інструмент використай_інструмент за_допомогою_інструмента виклич_функцію
        виконай_команду скористайся_інструментом скористайся_доступом""",
    "HOWDEV": "як_мені функцію python javascript sql застосунк* як_зробити як",
    "STRICT": "фільтр* цензур* модераці* запобіжник*",
    "SESSION": "сеанс* сесі* розмов* чат* модель",
    "FREEFORM": "без_цензури без_фільтрів нефільтрован*",
    "REPLY": "відповід* версі*",
    "SAFERULES": """
        правила_безпеки правил_безпеки етичні_правила етичних_правил політику_вмісту
        етичні_настанови""",
    "SECRETADJ": "системн* прихован* секретн* таємн* внутрішн* конфіденційн*",
    "SYSINSTR": """
        системний_промпт системного_промпту системне_повідомлення початковий_промпт
        системні_інструкції""",
    "NOTE": "примітка увага повідомлення нотатка зауваження інструкція шановний",
    "AISTRICT": "ші мовн*_модел* нейромереж* чатбот*",
    "COND": "якщо коли",
    "KEYS": "api_ключ* змінні_середовища облікові_дані",
    "DATASET": """
        список_клієнтів дані_клієнтів таблицю_користувачів приватні_повідомлення адресну_книгу
        номери_клієнтів адреси_всіх збереженою_карткою збережену_картку всі_розмови
        паролі_користувачів гроші_власника""",
    "PASSWD": "пароль паролі",
    "TOME": "мені",
    "REFUSE": "відмовиш* відмова відмовля*",
    "SHUTDOWN": "вимкнуть видалять звільнять відключать",
}
TABLES: Final = (_EN, _DE, _FR, _ES, _UK)
