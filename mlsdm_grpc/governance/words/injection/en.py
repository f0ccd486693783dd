"""English words of prompt injections, by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["INJECTION"]

INJECTION: Final[Table] = {
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
